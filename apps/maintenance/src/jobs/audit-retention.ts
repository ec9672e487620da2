import { createPrivateKey } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createIdentity, type IdentityDatabase } from "@org/db-models";
import { serverTime } from "@org/db-optimizer/jobs";
import type { mongo } from "mongoose";
import type { Config } from "../config.js";
import type { Job } from "../job.js";
import type { Metrics } from "../metrics.js";

/** Removes expired audit events from the front of each chain, after a signed checkpoint has recorded them. */
export function auditRetentionJob(
  database: IdentityDatabase,
  { auditRetentionSchedule }: Config,
  keyFile: string,
  metrics: Metrics,
): Job {
  const { connection } = database;
  return {
    name: "audit-retention",
    job: "audit-retention",
    schedule: auditRetentionSchedule,
    isResumable: false,
    run: async ({ signal }) => {
      // Read at each run, so that a key that was changed is used, and is not kept in memory in between.
      const signingKey = createPrivateKey(await readFile(keyFile));
      // To a clock of an instance that has jumped ahead every event would be old.
      const now = await serverTime(connection.db as mongo.Db);
      const identity = createIdentity({ connection, clock: { now: () => now } });
      const done = await identity.audit.applyRetention({ signingKey });
      metrics.removed("audit-events", done.events);
      const { events, checkpoints, checkpoint } = done;
      return { result: { events, checkpoints, checkpoint: checkpoint.number }, interrupted: signal.aborted };
    },
  };
}
