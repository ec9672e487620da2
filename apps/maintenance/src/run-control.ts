import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { mongo } from "mongoose";
import type { Job } from "./job.js";
import { acquireLease, type LeaseStore, releaseLease } from "./lease.js";
import { alive, asItIs, newRun, noteLost, queuedFence, type RunDocument, type RunHistory } from "./runs.js";

/** Why a run can't be steered as asked. */
export type RunErrorCode =
  | "RUN_NOT_FOUND"
  | "RUN_ENDED"
  | "RUN_ACTIVE"
  | "RUN_CANCELLING"
  | "JOB_UNKNOWN"
  | "JOB_NOT_PAUSABLE";

/** A run can't be steered as asked. Decide on `code`. */
export class RunError extends Error {
  override readonly name = "RunError";
  readonly code: RunErrorCode;

  constructor(code: RunErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** What steering needs. */
export interface Controls {
  readonly history: RunHistory;
  readonly leases: LeaseStore;
  readonly jobs: readonly Pick<Job, "name" | "pausable">[];
  /** Who steers. */
  readonly by: string;
}

const listed = 20;

/** The last runs, of one job or all, the newest first. */
export async function listRuns(controls: Controls, job?: string): Promise<RunDocument[]> {
  const { jobs } = controls;
  return lastRuns(controls, job === undefined ? jobs.map(({ name }) => name) : [named(jobs, job).name]);
}

/** A run without its result. */
export type BriefRun = Omit<RunDocument, "result">;

/** The last runs of all jobs, the newest first, without their results, which may be long. */
export function briefRuns(controls: Controls): Promise<BriefRun[]> {
  return lastRuns(
    controls,
    controls.jobs.map(({ name }) => name),
    { result: 0 },
  );
}

async function lastRuns(
  { history, leases }: Controls,
  names: readonly string[],
  projection: Readonly<Record<string, 0>> = {},
): Promise<RunDocument[]> {
  const runs = await Promise.all(
    names.map((name) =>
      history.collection.find({ job: name }, { projection }).sort({ startedAt: -1 }).limit(listed).toArray(),
    ),
  );
  const newest = runs
    .flat()
    .sort((one, other) => other.startedAt.getTime() - one.startedAt.getTime())
    .slice(0, listed);
  return Promise.all(newest.map((run) => asItIs(leases, run)));
}

/** @throws RunError `RUN_NOT_FOUND` */
export async function showRun({ history, leases }: Controls, id: string): Promise<RunDocument> {
  const run = mongo.ObjectId.isValid(id)
    ? await history.collection.findOne({ _id: new mongo.ObjectId(id) })
    : null;
  if (!run) throw new RunError("RUN_NOT_FOUND", `there is no run ${id}`);
  return asItIs(leases, run);
}

/** Has a job run by whichever instance is free. A job that is queued already is not queued twice. */
export async function queueRun({ history, leases, jobs, by }: Controls, job: string): Promise<RunDocument> {
  const { name } = named(jobs, job);
  const {
    _id,
    job: _job,
    state: _state,
    ...fresh
  } = newRun(history, { job: name, state: "queued", instance: by, fence: queuedFence }, await leases.now());
  const queued = await aloneInQueue(leases, name, () =>
    history.collection.findOneAndUpdate(
      { job: name, state: "queued" },
      { $setOnInsert: { _id, ...fresh } },
      { upsert: true, returnDocument: "after" },
    ),
  );
  return queued as RunDocument;
}

const [queueLockMs, queueRetryMs] = [2_000, 20];

/** Who queues a run looks for another and writes: one after the other for each job, so that one run is queued. */
async function aloneInQueue<T>(leases: LeaseStore, job: string, act: () => Promise<T>): Promise<T> {
  const request = { job: `queue of ${job}`, owner: randomUUID(), ttlMs: queueLockMs };
  for (;;) {
    const acquired = await acquireLease(leases, request);
    if (!acquired.acquired) {
      await sleep(queueRetryMs);
      continue;
    }
    try {
      return await act();
    } finally {
      await releaseLease(leases, acquired.lease);
    }
  }
}

const open: RunDocument["state"][] = ["queued", "running", "paused"];
const resumable: RunDocument["state"][] = ["interrupted", "failed"];
/** A cancellation stands, whoever asks for what after it. */
const notCancelled = { wanted: { $ne: "cancel" as const } };

/**
 * Asks for a pause. A run that is at work pauses after its batch; a queued one before it begins.
 *
 * @throws RunError `RUN_NOT_FOUND`, `JOB_NOT_PAUSABLE`, `RUN_ENDED`, `RUN_CANCELLING`
 */
export async function pauseRun(controls: Controls, id: string): Promise<RunDocument> {
  const { _id, job } = await showRun(controls, id);
  if (!named(controls.jobs, job).pausable)
    throw new RunError(
      "JOB_NOT_PAUSABLE",
      `${job} is over in a moment and can't be paused; it can be cancelled`,
    );
  const pausable = { _id, state: { $in: open }, ...notCancelled };
  return changed(controls, pausable, { $set: { wanted: "pause", wantedBy: controls.by } });
}

/**
 * Takes a pause back; a run that was interrupted or failed, or whose process is gone, is queued, and goes on where its
 * job has left off.
 *
 * @throws RunError `RUN_NOT_FOUND`, `RUN_ENDED`, `RUN_CANCELLING`, `RUN_ACTIVE` when another run of the job is queued
 */
export async function resumeRun(controls: Controls, id: string): Promise<RunDocument> {
  const { _id, job } = await showRun(controls, id);
  const { history, leases } = controls;
  await noteLost(history, leases, job);
  const free = { $unset: { wanted: 1, wantedBy: 1 } } as const;
  const queued = await aloneInQueue(leases, job, async () => {
    const waiting = await history.collection.findOne({ job, state: "queued", _id: { $ne: _id } });
    if (waiting) throw new RunError("RUN_ACTIVE", `another run of ${job} is queued already`);
    return history.collection.findOneAndUpdate(
      { _id, state: { $in: resumable }, ...notCancelled },
      { $set: { state: "queued", fence: queuedFence }, ...free },
      { returnDocument: "after" },
    );
  });
  return queued ?? changed(controls, { _id, state: { $in: open }, ...notCancelled }, free);
}

/**
 * Ends a run: at once when it is queued or its process is gone, else after the batch under way.
 *
 * @throws RunError `RUN_NOT_FOUND`, `RUN_ENDED`
 */
export async function cancelRun(controls: Controls, id: string): Promise<RunDocument> {
  const { history, leases, by } = controls;
  const run = await showRun(controls, id);
  const cancellable = [...open, ...resumable];
  const asked = await changed(
    controls,
    { _id: run._id, state: { $in: cancellable } },
    { $set: { wanted: "cancel", wantedBy: by } },
  );
  const now = await leases.now();
  if (alive.includes((await asItIs(leases, asked)).state)) return asked;
  // Whoever takes a queued run up meanwhile changes its number, and learns what is wanted.
  const dead = { _id: asked._id, fence: asked.fence, state: { $in: cancellable } };
  const end = {
    $set: { state: "cancelled" as const, finishedAt: now },
    $unset: { reason: 1, detail: 1 } as const,
  };
  return (await history.collection.findOneAndUpdate(dead, end, { returnDocument: "after" })) ?? asked;
}

async function changed(
  { history: { collection } }: Controls,
  wanted: mongo.Filter<RunDocument> & Pick<RunDocument, "_id">,
  change: mongo.UpdateFilter<RunDocument>,
): Promise<RunDocument> {
  const run = await collection.findOneAndUpdate(wanted, change, { returnDocument: "after" });
  if (run) return run;
  const now = await collection.findOne({ _id: wanted._id });
  if (now?.wanted === "cancel" && now.state !== "cancelled")
    throw new RunError("RUN_CANCELLING", "the run is being cancelled");
  throw new RunError("RUN_ENDED", "the run has ended");
}

function named<J extends Pick<Job, "name">>(jobs: readonly J[], name: string): J {
  const job = jobs.find((one) => one.name === name);
  if (job) return job;
  throw new RunError("JOB_UNKNOWN", `no job ${name}; jobs: ${jobs.map((one) => one.name).join(", ")}`);
}
