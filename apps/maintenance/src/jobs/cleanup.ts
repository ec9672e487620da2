import { type IdentityDatabase, retentionRules } from "@org/db-models";
import {
  type CleanupOptions,
  type CleanupReport,
  DatabaseOptimizer,
  isOptimizerError,
  type Recording,
} from "@org/db-optimizer";
import { cleanupJobOf } from "@org/db-optimizer/cleanup";
import { serverTime } from "@org/db-optimizer/jobs";
import type { mongo } from "mongoose";
import type { Config } from "../config.js";
import type { Job } from "../job.js";
import type { Metrics } from "../metrics.js";
import { recordingFor } from "../recording.js";
import { limitsOf } from "./limits.js";

/** Removes expired documents, in batches. */
export function cleanupJob(database: IdentityDatabase, config: Config, metrics: Metrics): Job {
  const window = windowOf(config);
  const recording = recordingFor(database);
  return {
    ...cleanupJobOf(retentionRules),
    name: "cleanup",
    schedule: config.cleanupSchedule,
    run: async ({ run, log }) => {
      const { cleaned, leftOut } = await cleanUp(database, recording, {
        // Clocks of instances may differ.
        now: await serverTime(database.connection.db as mongo.Db),
        run: true,
        within: run,
        limits: limitsOf(config),
        ...(window && { window }),
        onProgress: (progress) => log.debug(progress, progress.paused ? "cleanup waits" : "batch removed"),
      });
      for (const rule of leftOut) log.warn(rule, "a rule was left out; the others were carried out");
      for (const { rule, deleted } of cleaned.rules) metrics.removed(rule, deleted);
      return {
        result: { ...run.kept.result, ...(leftOut.length > 0 && { leftOut }) },
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

function windowOf({ cleanupWindow, timezone: timeZone }: Config) {
  const [from, to] = cleanupWindow?.split("-") ?? [];
  return from && to ? { from, to, timeZone } : undefined;
}
