import { mongo } from "mongoose";
import type { HeldLease } from "./lease.js";

/** `interrupted`: told to stop, the rest is left to the next run. `abandoned`: its process died or lost the lease. */
export type RunState = "running" | "succeeded" | "failed" | "interrupted" | "abandoned";

/** One run of a job. Collection `maintenance_runs`. */
export interface RunDocument {
  _id: mongo.ObjectId;
  job: string;
  state: RunState;
  instance: string;
  /** Of the lease that it ran under. */
  fence: number;
  startedAt: Date;
  finishedAt?: Date;
  result?: Record<string, unknown>;
  error?: { code: string; message: string };
  /** When the TTL index may remove it. */
  purgeAt: Date;
}

/** What a run ended with. */
export interface RunEnd {
  state: Exclude<RunState, "running" | "abandoned">;
  result?: Record<string, unknown>;
  error?: { code: string; message: string };
}

/** The history of runs. */
export interface RunHistory {
  readonly collection: mongo.Collection<RunDocument>;
  readonly retentionMs: number;
}

/** The history of runs in a database. */
export function runHistory(db: mongo.Db, retentionMs: number): RunHistory {
  return { collection: db.collection<RunDocument>("maintenance_runs"), retentionMs };
}

/** Makes the history's indexes: the latest runs of a job, and the end of retention. Idempotent. */
export async function prepareHistory({ collection }: RunHistory): Promise<void> {
  await collection.createIndexes([
    { key: { job: 1, startedAt: -1 }, name: "job_newest" },
    { key: { purgeAt: 1 }, name: "purge_ttl", expireAfterSeconds: 0 },
  ]);
}

/** Notes that a run begins; runs of older leases that never ended are noted as abandoned. */
export async function beginRun(history: RunHistory, lease: HeldLease, now: Date): Promise<RunDocument> {
  const { job, owner, fence } = lease;
  await history.collection.updateMany(
    { job, state: "running", fence: { $lt: fence } },
    { $set: { state: "abandoned", finishedAt: now } },
  );
  const run: RunDocument = {
    _id: new mongo.ObjectId(),
    job,
    state: "running",
    instance: owner,
    fence,
    startedAt: now,
    purgeAt: new Date(now.getTime() + history.retentionMs),
  };
  await history.collection.insertOne(run);
  return run;
}

/** Notes how a run ended, unless it has been noted as abandoned meanwhile. */
export async function endRun(history: RunHistory, run: RunDocument, end: RunEnd, now: Date): Promise<void> {
  await history.collection.updateOne(
    { _id: run._id, state: "running" },
    { $set: { ...end, finishedAt: now } },
  );
}
