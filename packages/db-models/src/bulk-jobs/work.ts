import { Types } from "mongoose";
import type { Context } from "../context/context.js";
import { duration } from "../core/limits.js";
import { queries } from "../queries/queries.js";
import { runQuery, runUnchecked, sound } from "../queries/run-query.js";
import { bringForward } from "../queries/update.js";
import type { BulkCounts, BulkJobDocument } from "../schemas/bulk-job.js";
import type { BulkItemState, BulkJobItemDocument } from "../schemas/bulk-job-item.js";
import { letGo } from "./control.js";
import { settledOf } from "./summary.js";

/** A job that is not heard of for so long is taken up by any process. */
const leaseMs = 30 * duration.second;

/** A job that this process works on, until it lets go of it or somebody else does. */
export interface HeldBulkJob extends Pick<BulkJobDocument, "act" | "reason" | "createdBy"> {
  readonly id: Types.ObjectId;
  readonly lease: Types.ObjectId;
  /** As far as this process knows; each user who is settled is added. */
  readonly counts: BulkCounts;
}

/** A user whose turn it is. */
export interface HeldBulkItem {
  readonly id: Types.ObjectId;
  readonly userId: Types.ObjectId;
  /** Whether a process has stopped while it was at it: it may be done already. */
  readonly again: boolean;
}

/** What came of a user. */
export interface BulkResult {
  readonly state: "done" | "skipped" | "failed";
  /** Why, of what is not done. */
  readonly code?: string;
}

/** Of any number of processes, one takes up a job. */
export async function takeUpBulkJobs(context: Context, { limit }: { limit: number }): Promise<HeldBulkJob[]> {
  const { models, now } = context;
  const held: HeldBulkJob[] = [];
  await bringForward(models.BulkJob, "dueAt", now, leaseMs);
  for (const job of await runUnchecked(models, queries.dueBulkJobs(now, limit))) {
    try {
      const taken = await takeUp(context, job);
      if (taken) held.push(taken);
    } catch (error) {
      // It is due again when its lease is over.
      context.onError(error, { leftOut: models.BulkJob.collection.name, id: job._id.toHexString() });
    }
  }
  return held;
}

async function takeUp(context: Context, job: BulkJobDocument): Promise<HeldBulkJob | undefined> {
  const { models, now } = context;
  const lease = new Types.ObjectId();
  const { matchedCount } = await models.BulkJob.collection.updateOne(
    { _id: job._id, state: "running", dueAt: job.dueAt },
    { $set: { lease, dueAt: new Date(now.getTime() + leaseMs) } },
  );
  if (matchedCount === 0) return undefined;
  sound(models, models.BulkJob.collection.name, job);
  await models.BulkJobItem.collection.updateMany(
    { jobId: job._id, state: "running" },
    { $set: { state: "pending", again: true }, $unset: { lease: "" } },
  );
  const counts = await recount(context, job);
  const pace = { since: now, settled: settledOf(counts), at: now };
  await models.BulkJob.collection.updateOne({ _id: job._id, lease }, { $set: { counts, pace } });
  const { _id: id, act, reason, createdBy } = job;
  return { id, act, reason, createdBy, lease, counts };
}

/** @returns false when somebody else has it, or it was paused or cancelled: then this process lets go of it. */
export async function keepBulkJob(
  { models, now }: Context,
  { id: _id, lease, counts }: HeldBulkJob,
): Promise<boolean> {
  const { matchedCount } = await models.BulkJob.collection.updateOne(
    { _id, state: "running", lease },
    { $set: { counts, "pace.at": now, dueAt: new Date(now.getTime() + leaseMs) } },
  );
  return matchedCount === 1;
}

/** The next users of a job, in their order; none when each has had their turn. */
export async function nextBulkItems(
  { models }: Context,
  { job: { id: jobId, lease }, limit }: { job: HeldBulkJob; limit: number },
): Promise<HeldBulkItem[]> {
  const { collection } = models.BulkJobItem;
  const due = await runQuery(models, queries.bulkJobItemsIn(jobId, "pending", 0, limit), { _id: 1 });
  if (due.length === 0) return [];
  const those = { _id: { $in: due.map(({ _id }) => _id) } };
  await collection.updateMany({ ...those, state: "pending" }, { $set: { state: "running", lease } });
  // A process that had the job before may have taken some of them in this moment.
  const taken = collection.find<BulkJobItemDocument>(
    { ...those, state: "running", lease },
    { projection: { userId: 1, again: 1 }, sort: { position: 1 } },
  );
  const items = await taken.toArray();
  return items.map(({ _id: id, userId, again }) => ({ id, userId, again: again === true }));
}

/** Notes what came of a user. A user who was erased has taken their item along; the count has it. */
export async function settleBulkItem(
  { models, now }: Context,
  { job, item, result }: { job: HeldBulkJob; item: HeldBulkItem; result: BulkResult },
): Promise<void> {
  const { state, code } = result;
  await models.BulkJobItem.collection.updateOne(
    { _id: item.id, state: "running", lease: job.lease },
    { $set: { state, at: now, ...(code !== undefined && { code }) }, $unset: { lease: "", again: "" } },
  );
  job.counts[state] += 1;
}

/** Lets go of a job, for any process to go on with it from this time on. */
export async function releaseBulkJob(
  { models, now }: Context,
  { job, afterMs = 0 }: { job: HeldBulkJob; afterMs?: number },
): Promise<void> {
  const { id: _id, lease, counts } = job;
  await models.BulkJob.collection.updateOne(
    { _id, state: "running", lease },
    { $set: { counts, dueAt: new Date(now.getTime() + afterMs) }, $unset: { lease: "" } },
  );
}

/**
 * Ends a job: all users have had their turn, or it is stopped.
 *
 * @returns its counts, for the one call that ended it; `undefined` when a process that had it before is still at a user.
 */
export async function endBulkJob(
  context: Context,
  { job, stopCode }: { job: HeldBulkJob; stopCode?: string },
): Promise<BulkCounts | undefined> {
  const { models, now } = context;
  const { id: _id, lease } = job;
  if (stopCode === undefined && (await hasRunning(context, _id))) {
    await releaseBulkJob(context, { job, afterMs: leaseMs });
    return undefined;
  }
  const counts = await recount(context, await documentOf(context, job));
  const end = stopCode === undefined ? { state: "done" } : { state: "stopped", stopCode };
  const { modifiedCount } = await models.BulkJob.collection.updateOne(
    { _id, state: "running", lease },
    { $set: { ...end, counts, endedAt: now }, $unset: letGo },
  );
  return modifiedCount === 1 ? counts : undefined;
}

async function hasRunning({ models }: Context, jobId: Types.ObjectId): Promise<boolean> {
  return (await runQuery(models, queries.bulkJobItemsIn(jobId, "running", 0, 1))).length > 0;
}

type Counted = Pick<BulkJobDocument, "_id" | "act" | "total" | "counts">;

async function documentOf({ models }: Context, { id: _id, act, counts }: HeldBulkJob): Promise<Counted> {
  const found = await models.BulkJob.collection.findOne({ _id }, { projection: { total: 1 } });
  return { _id, act, counts, total: Number(found?.total ?? 0) };
}

/** Counts the users again: whatever was killed when, this is true. Those who are gone were erased, by this job or meanwhile. */
async function recount({ models }: Context, { _id, act, total, counts }: Counted): Promise<BulkCounts> {
  const groups = models.BulkJobItem.collection.aggregate<{ _id: BulkItemState; users: number }>([
    { $match: { jobId: _id } },
    { $group: { _id: "$state", users: { $sum: 1 } } },
  ]);
  const found = new Map<BulkItemState, number>();
  for await (const { _id: state, users } of groups) found.set(state, users);
  const of = (state: BulkItemState) => found.get(state) ?? 0;
  const { excluded } = counts;
  const there = of("pending") + of("running") + of("done") + of("skipped") + of("failed");
  const gone = total - excluded - there;
  return {
    excluded,
    done: of("done") + (act === "erase" ? gone : 0),
    skipped: of("skipped") + (act === "erase" ? 0 : gone),
    failed: of("failed"),
  };
}
