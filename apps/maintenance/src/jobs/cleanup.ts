import { type IdentityDatabase, retentionRules } from "@org/db-models";
import {
  type CleanupOptions,
  type CleanupProgress,
  type CleanupReport,
  DatabaseOptimizer,
  isOptimizerError,
  type Recording,
} from "@org/db-optimizer";
import type { mongo } from "mongoose";
import type { Config } from "../config.js";
import type { Job, JobReport } from "../job.js";
import { leaseStore } from "../lease.js";
import type { Metrics } from "../metrics.js";
import { recordingFor } from "../recording.js";
import { limitsOf } from "./limits.js";

/** Removes what is past its retention, in batches. */
export function cleanupJob(database: IdentityDatabase, config: Config, metrics: Metrics): Job {
  const window = windowOf(config);
  const recording = recordingFor(database);
  return {
    name: "cleanup",
    schedule: config.cleanupSchedule,
    pausable: true,
    run: async ({ signal, log, wanted, report }) => {
      const options: CleanupOptions = {
        // Clocks of instances may differ.
        now: await leaseStore(database.connection.db as mongo.Db).now(),
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
      };
      const { cleaned, leftOut } = await cleanUp(database, recording, options);
      for (const rule of leftOut) log.warn(rule, "a rule was left out; the others were carried out");
      for (const { rule, deleted } of cleaned.rules) metrics.removed(rule, deleted);
      const removed = Object.fromEntries(cleaned.rules.map(({ rule, deleted }) => [rule, deleted]));
      const { activeMs, pausedMs, elapsedMs } = cleaned;
      return {
        result: {
          removed,
          elapsedMs: Math.round(elapsedMs),
          activeMs,
          pausedMs,
          cleanup: cleaned.runId,
          ...(leftOut.length > 0 && { leftOut }),
        },
        interrupted: cleaned.stopped,
      };
    },
  };
}

/** A rule that was not carried out, for want of an index on this field. */
interface LeftOut {
  readonly rule: string;
  readonly collection: string;
  readonly field: string;
}

/** Carries out all rules but those that would scan a collection for want of an index. */
async function cleanUp(
  database: IdentityDatabase,
  recording: Recording,
  options: CleanupOptions,
): Promise<{ cleaned: CleanupReport; leftOut: readonly LeftOut[] }> {
  const cleanUpBy = (cleanup: typeof retentionRules) =>
    new DatabaseOptimizer(database.connection, {
      models: Object.values(database.models),
      cleanup,
      ...recording,
    }).cleanup(options);
  try {
    return { cleaned: await cleanUpBy(retentionRules), leftOut: [] };
  } catch (error) {
    if (!isOptimizerError(error, "RULE_NEEDS_INDEX")) throw error;
    const leftOut = error.details.rules as readonly LeftOut[];
    const rest = retentionRules.filter(({ name }) => leftOut.every(({ rule }) => rule !== name));
    if (rest.length === 0) throw error;
    return { cleaned: await cleanUpBy(rest), leftOut };
  }
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
