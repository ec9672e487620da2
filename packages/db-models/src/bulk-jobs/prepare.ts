import { Types } from "mongoose";
import { z } from "zod";
import type { Context } from "../context/context.js";
import { parseInput, printable } from "../core/input.js";
import { duration, limits } from "../core/limits.js";
import { type BulkAct, type BulkFilter, type BulkJobDocument, bulkActs } from "../schemas/bulk-job.js";
import type { BulkJobItemDocument } from "../schemas/bulk-job-item.js";
import { currentSchemaVersion } from "../schemas/parts/version.js";
import { userStatuses } from "../schemas/user.js";
import { type BulkJob, summarise } from "./summary.js";

/** A user whom a bulk job leaves out. */
export interface ExcludedUser {
  userId: Types.ObjectId;
  /** Why, such as `own_account`. */
  code: string;
}

export interface BulkJobInput {
  act: BulkAct;
  /** One line, at most 200 characters. */
  reason: string;
  /** The administrator as whom it will act. */
  createdBy: Types.ObjectId;
  /** At most 10,000; one that comes twice counts once. */
  users: readonly Types.ObjectId[];
  /** Those of them that are left out. */
  excluded: readonly ExcludedUser[];
  /** How they were chosen; absent for a list that was given. */
  filter?: BulkFilter;
  /** Entries of the list that named nobody, counted from 1. */
  unknownAt?: readonly number[];
}

const inputSchema = z.strictObject({
  act: z.enum(bulkActs),
  reason: printable(limits.reason),
  users: z.array(z.instanceof(Types.ObjectId)).max(limits.bulkUsers),
  filter: z
    .strictObject({
      status: z.enum(userStatuses).optional(),
      role: z.string().min(1).max(limits.role).optional(),
      by: z.enum(["created", "active"]),
      since: z.date().optional(),
      until: z.date().optional(),
    })
    .optional(),
});

/** Long enough for a second administrator to approve, and short enough that the users are still those that were seen. */
const startWithinMs = duration.day;
const batchSize = 1_000;

/** The users are stored before the job: one that was killed half way is none, and its users go by their retention. */
export async function prepareBulkJob(
  context: Context,
  { createdBy, excluded, unknownAt = [], ...given }: BulkJobInput,
): Promise<BulkJob> {
  const { models, now, policies } = context;
  const { users, filter, ...parsed } = parseInput(inputSchema, given);
  const _id = new Types.ObjectId();
  const purgeAt = new Date(now.getTime() + policies.retention.bulkJobsMs);
  const items = itemsOf(users, excluded, { jobId: _id, at: now, purgeAt });
  for (let from = 0; from < items.length; from += batchSize) {
    await models.BulkJobItem.collection.insertMany(
      items.slice(from, from + batchSize).map((item) => ({ ...item })),
    );
  }
  const job: BulkJobDocument = {
    _id,
    ...parsed,
    createdBy,
    state: "prepared",
    ...(filter && { filter: definedOf(filter) }),
    unknown: unknownAt.length,
    unknownAt: unknownAt.slice(0, limits.unknownEntries),
    total: items.length,
    counts: {
      excluded: items.filter(({ state }) => state === "excluded").length,
      done: 0,
      skipped: 0,
      failed: 0,
    },
    createdAt: now,
    startBy: new Date(now.getTime() + startWithinMs),
    purgeAt,
    schemaVersion: currentSchemaVersion,
  };
  await models.BulkJob.collection.insertOne({ ...job });
  return summarise(job);
}

function itemsOf(
  users: readonly Types.ObjectId[],
  excluded: readonly ExcludedUser[],
  { jobId, at, purgeAt }: { jobId: Types.ObjectId; at: Date; purgeAt: Date },
): BulkJobItemDocument[] {
  const codes = new Map(excluded.map(({ userId, code }) => [userId.toHexString(), code]));
  const once = new Map(users.map((userId) => [userId.toHexString(), userId]));
  return [...once.values()].map((userId, position) => {
    const code = codes.get(userId.toHexString());
    const item = { _id: new Types.ObjectId(), jobId, position, userId, purgeAt };
    const schemaVersion = currentSchemaVersion;
    if (code === undefined) return { ...item, state: "pending", schemaVersion };
    return { ...item, state: "excluded", code, at, schemaVersion };
  });
}

function definedOf({ by, status, role, since, until }: BulkFilter): BulkFilter {
  return {
    by,
    ...(status && { status }),
    ...(role && { role }),
    ...(since && { since }),
    ...(until && { until }),
  };
}
