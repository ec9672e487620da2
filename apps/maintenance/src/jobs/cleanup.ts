import { type IdentityDatabase, retentionRules } from "@org/db-models";
import { runCleanup } from "@org/db-optimizer";
import type { Config } from "../config.js";
import type { Job } from "../job.js";
import type { Metrics } from "../metrics.js";

const minBatch = 100;

/** Removes what is past its retention, in batches. */
export function cleanupJob(database: IdentityDatabase, config: Config, metrics: Metrics): Job {
  const limits = { minBatch: Math.min(minBatch, config.batchSize), maxBatch: config.batchSize };
  return {
    name: "cleanup",
    schedule: config.cleanupSchedule,
    run: async ({ signal, log }) => {
      const report = await runCleanup(database.connection, retentionRules, {
        now: new Date(),
        run: true,
        signal,
        limits,
        onProgress: (progress) => log.debug(progress, "batch removed"),
      });
      for (const { rule, deleted } of report.rules) metrics.removed(rule, deleted);
      const removed = Object.fromEntries(report.rules.map(({ rule, deleted }) => [rule, deleted]));
      return { result: { removed, elapsedMs: Math.round(report.elapsedMs) }, interrupted: report.stopped };
    },
  };
}
