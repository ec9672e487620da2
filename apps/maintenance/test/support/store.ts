import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import type { mongo } from "mongoose";
import { pino } from "pino";
import type { Job, JobContext, JobOutcome } from "../../src/job.js";
import { type LeaseStore, leaseStore } from "../../src/lease.js";
import { createMetrics } from "../../src/metrics.js";
import type { Runner } from "../../src/run-job.js";
import { runHistory } from "../../src/runs.js";

const silent = pino({ level: "silent" });

/** Leases and history in a database of their own. */
export function useStore() {
  const database = useTemporaryDatabase({ label: "maintenance", per: "test" });
  const db = () => database.connection.db as mongo.Db;
  return {
    database,
    db,
    leases: (now?: () => Date): LeaseStore => ({
      ...leaseStore(db()),
      ...(now && { now: async () => now() }),
    }),
    runner: (instance: string, changes: Partial<Runner> = {}): Runner => ({
      leases: leaseStore(db()),
      history: runHistory(db(), 86_400_000),
      metrics: createMetrics(),
      log: silent,
      instance,
      leaseMs: 1_000,
      startingDeadlineMs: 3_600_000,
      stopping: new AbortController().signal,
      ...changes,
    }),
  };
}

/** A job that does what a test says. */
export function job(run: (context: JobContext) => Promise<JobOutcome | undefined> | undefined): Job {
  const done: JobOutcome = { result: {}, interrupted: false };
  return {
    name: "test",
    schedule: "* * * * * *",
    pausable: false,
    run: async (context) => (await run(context)) ?? done,
  };
}
