import { type IdentityDatabase, retentionRules } from "@org/db-models";
import { type CleanupProgress, DatabaseOptimizer } from "@org/db-optimizer";
import type { Config } from "../config.js";
import type { Job, JobReport } from "../job.js";
import type { Metrics } from "../metrics.js";
import { recordingFor } from "../recording.js";
import { limitsOf } from "./limits.js";

/** Removes what is past its retention, in batches. */
export function cleanupJob(database: IdentityDatabase, config: Config, metrics: Metrics): Job {
  const window = windowOf(config);
  return {
    name: "cleanup",
    schedule: config.cleanupSchedule,
    pausable: true,
    run: async ({ signal, log, wanted, report }) => {
      const optimizer = new DatabaseOptimizer(database.connection, {
        models: Object.values(database.models),
        cleanup: retentionRules,
        ...recordingFor(database),
      });
      const cleaned = await optimizer.cleanup({
        now: new Date(),
        run: true,
        signal,
        limits: limitsOf(config),
        ...(window && { window }),
        // A cleanup started by hand, or one whose process died, goes first.
        leaseMs: config.leaseMs,
        waitMs: 2 * config.leaseMs,
        control: wanted,
        onProgress: (progress) => {
          log.debug(progress, progress.paused ? "cleanup waits" : "batch removed");
          report(reportOf(progress));
        },
      });
      for (const { rule, deleted } of cleaned.rules) metrics.removed(rule, deleted);
      const removed = Object.fromEntries(cleaned.rules.map(({ rule, deleted }) => [rule, deleted]));
      const { activeMs, pausedMs, elapsedMs } = cleaned;
      return {
        result: { removed, elapsedMs: Math.round(elapsedMs), activeMs, pausedMs, cleanup: cleaned.runId },
        interrupted: cleaned.stopped,
      };
    },
  };
}

function reportOf({ done, total, rate, etaMs, rule, paused }: CleanupProgress): JobReport {
  // Until the rule has been counted there is no telling where in it the run is.
  if (total === null) return { paused };
  const rounded = etaMs === null ? null : Math.round(etaMs);
  return { progress: { done, total, rate: Math.round(rate), etaMs: rounded, step: rule }, paused };
}

function windowOf({ cleanupWindow, timezone: timeZone }: Config) {
  const [from, to] = cleanupWindow?.split("-") ?? [];
  return from && to ? { from, to, timeZone } : undefined;
}
