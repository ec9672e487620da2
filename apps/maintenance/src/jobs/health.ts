import type { IdentityDatabase } from "@org/db-models";
import { DatabaseOptimizer, type Finding, type HealthReport } from "@org/db-optimizer";
import type { Config } from "../config.js";
import type { KeptHealth } from "../dashboard/read.js";
import type { Job } from "../job.js";
import type { Metrics } from "../metrics.js";
import { recordingFor } from "../recording.js";

/** Findings that a run keeps; the score has them all. */
const maxFindings = 50;
/** Collections whose sizes a run keeps. */
const maxCollections = 20;

/** Checks the database and reports what is wrong with it. A bad score is a finding, not a failed run. */
export function healthJob(database: IdentityDatabase, config: Config, metrics: Metrics): Job {
  const models = Object.values(database.models);
  const recording = recordingFor(database);
  let previous: HealthReport | undefined;
  return {
    name: "health",
    job: "health",
    schedule: config.healthSchedule,
    isResumable: false,
    run: async ({ log, signal }) => {
      const optimizer = new DatabaseOptimizer(database.connection, { models, ...recording });
      const keep = config.healthKeep === "on";
      const report = await optimizer.health({ now: new Date(), keep, ...(previous && { previous }) });
      previous = report;
      const { score, parts, facts, comparisons } = report;
      const findings = [...notKept(report), ...report.findings];
      metrics.healthScored(score);
      for (const finding of findings) {
        log[finding.severity === "info" ? "debug" : "warn"](finding, "health finding");
      }
      const kept = findings.slice(0, maxFindings).map(({ code, part, severity, message }) => ({
        code,
        part,
        severity,
        message,
      }));
      const result: KeptHealth = {
        score,
        parts: parts.map(({ part, points, weight }) => ({ part, points, weight })),
        findings: kept,
        collections: facts.collections.known ? largest(facts.collections.value) : [],
        week: comparisons
          .filter(({ collection }) => collection === undefined)
          .map(({ label, unit, now, weekAgo }) => ({ label, unit, now, weekAgo })),
      };
      return { result: { ...result }, interrupted: signal.aborted };
    },
  };
}

// Without it there is nothing to compare with in a week, which nobody would notice before then.
function notKept({ keeping }: HealthReport): Finding[] {
  if (!keeping || keeping.kept) return [];
  const message = "The figures of this check could not be kept";
  const { reason: evidence } = keeping;
  return [{ code: "NOT_KEPT", part: "operations", severity: "warning", subject: "*", message, evidence }];
}

function largest(collections: KeptHealth["collections"]): KeptHealth["collections"] {
  return collections
    .map(({ collection, documents, dataBytes, storageBytes, indexBytes }) => ({
      collection,
      documents,
      dataBytes,
      storageBytes,
      indexBytes,
    }))
    .sort((one, other) => other.storageBytes + other.indexBytes - one.storageBytes - one.indexBytes)
    .slice(0, maxCollections);
}
