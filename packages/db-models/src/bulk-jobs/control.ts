import type { Types } from "mongoose";
import type { Context } from "../context/context.js";
import { type Page, queries } from "../queries/queries.js";
import { findByQuery, runQuery } from "../queries/run-query.js";
import type { BulkJobState } from "../schemas/bulk-job.js";
import type { BulkItemState, BulkJobItemDocument } from "../schemas/bulk-job-item.js";
import { assertKnownVersion } from "../schemas/parts/version.js";
import { type BulkJob, summarise } from "./summary.js";

export async function readBulkJob(
  { models }: Context,
  { id }: { id: Types.ObjectId },
): Promise<BulkJob | undefined> {
  const job = await findByQuery(models, queries.bulkJobById(id));
  if (job) assertKnownVersion(job);
  return job && summarise(job);
}

export async function listBulkJobs(
  { models }: Context,
  { createdBy, page }: { createdBy?: Types.ObjectId; page?: Page },
): Promise<BulkJob[]> {
  const query = createdBy ? queries.bulkJobsOf(createdBy, page) : queries.newestBulkJobs(page);
  return (await runQuery(models, query)).map(summarise);
}

/** A user of a bulk job, and what came of it. */
export type BulkJobItem = Pick<BulkJobItemDocument, "position" | "userId" | "state" | "code" | "at">;

const itemFields = { position: 1, userId: 1, state: 1, code: 1, at: 1 } as const;

export async function listBulkJobItems(
  { models }: Context,
  { id, state, from, limit }: { id: Types.ObjectId; state?: BulkItemState; from?: number; limit?: number },
): Promise<BulkJobItem[]> {
  const query = state
    ? queries.bulkJobItemsIn(id, state, from, limit)
    : queries.bulkJobItems(id, from, limit);
  const items: BulkJobItemDocument[] = await runQuery(models, query, itemFields);
  return items.map(({ position, userId, state, code, at }) => ({
    position,
    userId,
    state,
    ...(code !== undefined && { code }),
    ...(at && { at }),
  }));
}

type Named = { id: Types.ObjectId };
type OfCreator = Named & { createdBy: Types.ObjectId };

export function startBulkJob(context: Context, { id, createdBy }: OfCreator): Promise<boolean> {
  const { now } = context;
  const due = { $set: { state: "running", startedAt: now, dueAt: now } };
  return change(context, id, ["prepared"], due, { createdBy, startBy: { $gt: now } });
}

export function pauseBulkJob(context: Context, { id }: Named): Promise<boolean> {
  return change(context, id, ["running"], { $set: { state: "paused" }, $unset: letGo });
}

export function resumeBulkJob(context: Context, { id, createdBy }: OfCreator): Promise<boolean> {
  const due = { $set: { state: "running", dueAt: context.now } };
  return change(context, id, ["paused"], due, { createdBy });
}

export function cancelBulkJob(context: Context, { id }: Named): Promise<boolean> {
  const cancelled = { $set: { state: "cancelled", endedAt: context.now }, $unset: letGo };
  return change(context, id, ["prepared", "running", "paused"], cancelled);
}

/** What nobody works on any more has no lease, and is never due. */
export const letGo = { lease: "", dueAt: "", pace: "" } as const;

/** @returns true for the one call of any number that found the job in one of these states. */
async function change(
  { models }: Context,
  _id: Types.ObjectId,
  from: readonly BulkJobState[],
  update: Record<string, unknown>,
  condition: Record<string, unknown> = {},
): Promise<boolean> {
  const { modifiedCount } = await models.BulkJob.collection.updateOne(
    { _id, state: { $in: [...from] }, ...condition },
    update,
  );
  return modifiedCount === 1;
}
