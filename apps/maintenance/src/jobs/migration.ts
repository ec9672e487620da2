import type { IdentityDatabase } from "@org/db-models";
import { type Migration, migrateUp, migrationStatus, recordOperation } from "@org/db-optimizer";
import { jobOf } from "@org/db-optimizer/migrate";
import type { Config } from "../config.js";
import type { Job } from "../job.js";
import { recordingFor } from "../recording.js";
import { limitsOf } from "./limits.js";

/** Phases that the job works in. Beyond them reads are switched or the old layout goes: a person decides that. */
const own = ["off", "expand", "backfill", "verify"];

/**
 * Takes a migration up to where every document is copied and compared: expand, backfill, verify. It continues an earlier
 * run, compares again once there, and leaves switching reads, rollback and contract to `org-db migrate`.
 */
export function migrationJob(database: IdentityDatabase, config: Config, migration: Migration): Job {
  const { connection } = database;
  const recording = recordingFor(database);
  return {
    ...jobOf(migration),
    name: "migration",
    schedule: config.migrationSchedule,
    run: async ({ run, log }) => {
      const { phase } = await migrationStatus(connection, migration);
      if (!own.includes(phase))
        return { result: { migration: migration.name, phase, advanced: false }, interrupted: false };
      const options = {
        now: () => new Date(),
        within: run,
        limits: limitsOf(config),
        onProgress: (progress: object) => log.debug(progress, "batch migrated"),
      };
      await recordOperation(
        recording,
        "migrate",
        () => migrateUp(connection, migration, options, "verify"),
        () => ({ migration: migration.name, from: phase }),
      );
      return { interrupted: false };
    },
  };
}
