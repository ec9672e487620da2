import type { IdentityDatabase } from "@org/db-models";
import {
  isOptimizerError,
  type Migration,
  type MigrationProgress,
  type MigrationReport,
  migrateUp,
  migrationStatus,
  recordOperation,
} from "@org/db-optimizer";
import type { Config } from "../config.js";
import type { Job, JobContext, JobOutcome } from "../job.js";
import { recordingFor } from "../recording.js";
import { limitsOf } from "./limits.js";

/** Phases that the job works in. Beyond them reads are switched or the old layout goes: a person decides that. */
const own = ["off", "expand", "backfill", "verify"];
const askEveryMs = 100;

/**
 * Takes a migration up to where every document is copied and compared: expand, backfill, verify. It goes on where a run
 * before it was, compares anew once there, and leaves switching reads, going back and contracting to `org-db migrate`.
 */
export function migrationJob(database: IdentityDatabase, config: Config, migration: Migration): Job {
  const recording = recordingFor(database);
  return {
    name: "migration",
    schedule: config.migrationSchedule,
    pausable: true,
    run: async (context) => {
      const { phase } = await migrationStatus(database.connection, migration);
      if (!own.includes(phase))
        return { result: { migration: migration.name, phase, advanced: false }, interrupted: false };
      const migrate = (signal: AbortSignal) =>
        migrateUp(database.connection, migration, optionsOf(config, context, signal), "verify");
      return recordOperation(
        recording,
        "migrate",
        () => advance(context, migrate),
        ({ interrupted }) => ({ migration: migration.name, from: phase, interrupted: String(interrupted) }),
      );
    },
  };
}

function optionsOf(config: Config, { log, report }: JobContext, signal: AbortSignal) {
  return {
    now: () => new Date(),
    signal,
    leaseMs: config.leaseMs,
    // A migration taken up by hand, or one whose process died, goes first.
    waitMs: 2 * config.leaseMs,
    limits: limitsOf(config),
    onProgress: ({ phase, collection, done, total, rate, etaMs }: MigrationProgress) => {
      log.debug({ phase, collection, done, total }, "batch migrated");
      const left = etaMs === null ? null : Math.round(etaMs);
      const step = `${phase} ${collection}`;
      report({ progress: { step, done, total, rate: Math.round(rate), etaMs: left }, paused: null });
    },
  };
}

/** Migrates from pause to pause: what is stopped between two batches goes on from its checkpoint. */
async function advance(
  context: JobContext,
  migrate: (signal: AbortSignal) => Promise<MigrationReport>,
): Promise<JobOutcome> {
  const { signal, wanted, report } = context;
  for (;;) {
    await pauseOver(context);
    if (signal.aborted || wanted() === "cancel") return { result: {}, interrupted: true };
    report({ paused: null });
    const halt = new AbortController();
    const ask = setInterval(() => wanted() && halt.abort(), askEveryMs);
    try {
      return { result: resultOf(await migrate(AbortSignal.any([signal, halt.signal]))), interrupted: false };
    } catch (error) {
      if (!isOptimizerError(error, "ABORTED")) throw error;
    } finally {
      clearInterval(ask);
    }
  }
}

async function pauseOver({ signal, wanted, report }: JobContext): Promise<void> {
  while (wanted() === "pause" && !signal.aborted) {
    report({ paused: { reason: "requested", detail: "somebody asked for it" } });
    await new Promise((resolve) => setTimeout(resolve, askEveryMs));
  }
}

function resultOf({ migration, from, phase, changes, verification }: MigrationReport): JobOutcome["result"] {
  const { sources, expected, found, repaired, mismatched } = verification ?? {};
  return { migration, from, phase, changes, verified: { sources, expected, found, repaired, mismatched } };
}
