import { setTimeout as wait } from "node:timers/promises";
import { type RunRecord, serverTime, Work } from "@org/db-optimizer/jobs";
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { mongo } from "mongoose";
import { pino } from "pino";
import type { Job, JobContext, JobDone } from "../../src/job.js";
import { createMetrics } from "../../src/metrics.js";
import type { Runner } from "../../src/run-job.js";

const silent = pino({ level: "silent" });

/** Leases and history in a database of their own. */
export function useStore() {
  const database = useTemporaryDatabase({ label: "maintenance", per: "test" });
  const db = () => database.connection.db as mongo.Db;
  return {
    database,
    db,
    runner: (instance: string, changes: Partial<Runner> = {}): Runner => ({
      connection: database.connection,
      now: () => serverTime(db()),
      metrics: createMetrics(),
      log: silent,
      instance,
      leaseMs: 1_000,
      keepMs: 86_400_000,
      startingDeadlineMs: 3_600_000,
      stopping: new AbortController().signal,
      ...changes,
    }),
  };
}

/** The record of a run of process `a`, as its holder would have it. */
export function runRecord(changes: Partial<RunRecord>): RunRecord {
  return {
    _id: new mongo.ObjectId().toHexString(),
    job: "test",
    key: "",
    state: "running",
    instance: "a",
    fencing: 1,
    revision: 0,
    before: [],
    steps: [],
    activeMs: 0,
    pausedMs: 0,
    startedAt: new Date("2026-01-01"),
    seenAt: new Date("2026-01-01"),
    ...changes,
  };
}

/** A job that does what a test says. */
export function job(run: (context: JobContext) => Promise<JobDone | undefined> | undefined): Job {
  const done: JobDone = { result: {}, interrupted: false };
  return {
    name: "test",
    job: "test",
    schedule: "* * * * * *",
    isResumable: false,
    run: async (context) => (await run(context)) ?? done,
  };
}

/** A job of so many batches, as the engine runs them: it can be paused, and continues where it was. */
export function batches(count: number): Job {
  return {
    ...job(async ({ run, signal }) => {
      const db = run.connection.db as mongo.Db;
      const work = new Work(db, run, signal, {
        limits: { maxSlowdown: Number.POSITIVE_INFINITY, maxBatch: 1 },
      });
      const from = work.stateOf("batches", "things", "");
      let next = from.done;
      const { state, stop } = await work.carryOut({
        step: "batches",
        name: "Batches",
        details: {},
        collection: "things",
        watched: [],
        from,
        count: async () => count - from.done,
        batches: {
          hasMore: async () => next < count,
          next: async () => [next],
          take: (items) => {
            next += items;
          },
        },
        cursor: () => next,
        process: async () => {
          await wait(10);
          return 1;
        },
      });
      return { result: { done: state.done }, interrupted: stop !== null };
    }),
    isResumable: true,
  };
}
