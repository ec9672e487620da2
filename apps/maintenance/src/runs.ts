import { mongo } from "mongoose";
import { type HeldLease, type LeaseStore, lowestLiving } from "./lease.js";

/**
 * How a run stands. `queued`: it waits for an instance. `paused`: it waits, and `reason` says for what. `interrupted`: it
 * was told to stop, or its process died (`reason`); what is left is done by the next run.
 */
export type RunState = "queued" | "running" | "paused" | "interrupted" | "succeeded" | "failed" | "cancelled";

/** What a person asks of a run. */
export type RunWanted = "pause" | "cancel";

/** How far a run is. */
export interface RunProgress {
  readonly done: number;
  readonly total: number;
  /** Documents per second; absent where it is not counted in documents. */
  readonly rate?: number;
  /** Milliseconds left; `null` when nobody knows. */
  readonly etaMs: number | null;
  /** What it is at. */
  readonly step: string;
}

/** One run of a job. Collection `maintenance_runs`. */
export interface RunDocument {
  _id: mongo.ObjectId;
  job: string;
  state: RunState;
  /** Of a run that is paused or interrupted: why. */
  reason?: string;
  detail?: string;
  wanted?: RunWanted;
  /** Who asked. */
  wantedBy?: string;
  progress?: RunProgress;
  /** The run before, which was interrupted, and from which what was asked is taken over. */
  continues?: mongo.ObjectId;
  /** Who runs it; of a queued run, who asked for it. */
  instance: string;
  /** Of the lease that it runs under; -1 while it is queued. */
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
  state: Extract<RunState, "succeeded" | "failed" | "interrupted" | "cancelled">;
  result?: Record<string, unknown>;
  error?: { code: string; message: string };
}

/** The history of runs. */
export interface RunHistory {
  readonly collection: mongo.Collection<RunDocument>;
  readonly retentionMs: number;
}

export const queuedFence = -1;
/** States of a run that a process is at, as long as it holds the lease. */
export const alive: RunState[] = ["running", "paused"];

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

/** A run that nobody has begun yet. */
export function newRun(
  history: RunHistory,
  own: Pick<RunDocument, "job" | "state" | "instance" | "fence">,
  now: Date,
): RunDocument {
  const purgeAt = new Date(now.getTime() + history.retentionMs);
  return { _id: new mongo.ObjectId(), ...own, startedAt: now, purgeAt };
}

/**
 * Notes that a run begins: the oldest that is queued, else a new one. Runs of older leases that never ended are noted
 * as interrupted, and a pause that was asked of an interrupted one holds for the run that follows it.
 *
 * @param onlyQueued - begins nothing when no run is queued
 */
export async function beginRun(
  history: RunHistory,
  { job, owner, fence }: HeldLease,
  now: Date,
  onlyQueued = false,
): Promise<RunDocument | undefined> {
  const { collection } = history;
  await endDead(history, job, fence, now);
  const begin = { state: "running" as const, instance: owner, fence, startedAt: now };
  const claimed = await collection.findOneAndUpdate(
    { job, state: "queued" },
    { $set: begin, $unset: { finishedAt: 1, error: 1, result: 1, reason: 1, detail: 1 } },
    { sort: { startedAt: 1 }, returnDocument: "after" },
  );
  if (claimed || onlyQueued) return claimed ?? undefined;
  const before = await collection.findOne({ job }, { sort: { startedAt: -1 } });
  const inherited = before?.state === "interrupted" &&
    before.wanted === "pause" && {
      wanted: before.wanted,
      ...(before.wantedBy && { wantedBy: before.wantedBy }),
      continues: before._id,
    };
  const run = { ...newRun(history, { job, ...begin }, now), ...inherited };
  await collection.insertOne(run);
  return run;
}

// Whoever holds the lease knows that no earlier holder may still be at work.
async function endDead({ collection }: RunHistory, job: string, fence: number, now: Date): Promise<void> {
  const older = { job, state: { $in: alive }, fence: { $lt: fence } };
  const cancelled = { state: "cancelled" as const, finishedAt: now };
  await collection.updateMany(
    { ...older, wanted: "cancel" },
    { $set: cancelled, $unset: { reason: 1, detail: 1 } },
  );
  await collection.updateMany(older, { $set: { ...lost, finishedAt: now }, $unset: { detail: 1 } });
}

/** What a run is whose process is gone. */
const lost = { state: "interrupted", reason: "process_lost" } as const;

/** A run as it is: one whose process is gone is interrupted, whether or not somebody has noted that. */
export async function asItIs(leases: LeaseStore, run: RunDocument): Promise<RunDocument> {
  if (!alive.includes(run.state) || run.fence >= (await lowestLiving(leases, run.job))) return run;
  const { detail: _detail, ...rest } = run;
  return { ...rest, ...lost };
}

/** Notes the runs of a job whose process is gone as interrupted. */
export async function noteLost(history: RunHistory, leases: LeaseStore, job: string): Promise<void> {
  await endDead(history, job, await lowestLiving(leases, job), await leases.now());
}

/**
 * Writes down where a run is.
 *
 * @returns what is asked of it
 */
export async function updateRun(
  { collection }: RunHistory,
  run: RunDocument,
  update: Pick<RunDocument, "progress"> & Pick<Partial<RunDocument>, "reason" | "detail">,
): Promise<RunWanted | undefined> {
  const { reason, detail, progress } = update;
  const set = {
    state: reason === undefined ? ("running" as const) : ("paused" as const),
    ...(progress && { progress }),
    ...(reason !== undefined && { reason, detail: detail ?? "" }),
  };
  const unset = reason === undefined ? { $unset: { reason: 1, detail: 1 } as const } : {};
  const own = { _id: run._id, fence: run.fence, state: { $in: alive } };
  const written = await collection.findOneAndUpdate(
    own,
    { $set: set, ...unset },
    { returnDocument: "after" },
  );
  return written?.wanted;
}

/** Notes how a run ended, unless the holder of a later lease has ended it meanwhile. */
export async function endRun(
  { collection }: RunHistory,
  run: RunDocument,
  end: RunEnd,
  now: Date,
): Promise<void> {
  const own = { _id: run._id, fence: run.fence, state: { $in: alive } };
  const ended = { ...end, finishedAt: now };
  await collection.updateOne(
    own,
    end.state === "interrupted"
      ? { $set: { ...ended, reason: "stopped" }, $unset: { detail: 1 } }
      : { $set: ended, $unset: { reason: 1, detail: 1 } },
  );
}
