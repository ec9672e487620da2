import type { IdentityDatabase } from "@org/db-models";
import { storageJob as job, scanStorage } from "@org/db-optimizer/storage";
import type { Config } from "../config.js";
import type { Job } from "../job.js";
import { limitsOf } from "./limits.js";

/** Findings that a run keeps. */
const maxFindings = 50;

/** Looks at every document for what grows without bound, in batches. A finding is no failed run; nothing is changed. */
export function storageJob(database: IdentityDatabase, config: Config): Job {
  return {
    name: "storage",
    job,
    schedule: config.storageSchedule,
    isResumable: true,
    run: async ({ run, log }) => {
      const { findings, stopReason } = await scanStorage(database.connection, {
        within: run,
        limits: limitsOf(config),
        onProgress: (progress) => log.debug(progress, progress.paused ? "the scan waits" : "batch looked at"),
      });
      for (const finding of findings) log.warn(finding, "storage finding");
      const kept = findings
        .slice(0, maxFindings)
        .map(({ code, subject, message }) => ({ code, subject, message }));
      return { result: { ...run.kept.result, findings: kept }, interrupted: stopReason !== null };
    },
  };
}
