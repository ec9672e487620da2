import type { mongo, Types } from "mongoose";
import { latest } from "../clock.js";
import type { Retention } from "../retention.js";
import { currentSchemaVersion, duration, limits } from "../schemas/common.js";
import { type UsageInterval, usageIntervals } from "../schemas/usage-bucket.js";

type BulkWrite = mongo.AnyBulkWriteOperation;

export interface UseCount {
  requests: number;
  failures: number;
}

/** What one user did in one hour since the last flush. */
export interface PendingUse extends UseCount {
  userId: Types.ObjectId;
  /** Of the last request. */
  at: Date;
  endpoints: Map<string, UseCount>;
  sessions: Map<string, UseCount & { id: Types.ObjectId; lastEndpoint: string }>;
}

/** Which retention holds for which buckets. */
const bucketRetention = { hour: "hourlyUsageMs", day: "dailyUsageMs" } as const;

const intervalMs: Readonly<Record<UsageInterval, number>> = { hour: duration.hour, day: duration.day };

/** The window that a user's request limit counts in. */
const usageWindowMs = duration.day;

/** Start of the interval that a moment falls in, UTC. */
export function intervalStart(interval: UsageInterval, at: Date): Date {
  return new Date(Math.floor(at.getTime() / intervalMs[interval]) * intervalMs[interval]);
}

/** One upsert per user and interval. */
export function bucketUpdates(batch: readonly PendingUse[], retention: Retention): BulkWrite[] {
  return batch.flatMap((use) => usageIntervals.map((interval) => bucketUpdate(use, interval, retention)));
}

function bucketUpdate(use: PendingUse, interval: UsageInterval, retention: Retention): BulkWrite {
  const startedAt = intervalStart(interval, use.at);
  const counted = {
    requests: plus("$requests", use.requests),
    failures: plus("$failures", use.failures),
    endpoints: { $slice: [mergedCounts("$endpoints", use.endpoints), limits.bucketEndpoints] },
    purgeAt: new Date(startedAt.getTime() + intervalMs[interval] + retention[bucketRetention[interval]]),
    schemaVersion: currentSchemaVersion,
  };
  return {
    updateOne: {
      filter: { userId: use.userId, interval, startedAt },
      update: [{ $set: counted }],
      upsert: true,
    },
  };
}

/** Totals, window, favourite endpoints and last activity of each user. */
export function userUpdates(batch: readonly PendingUse[]): BulkWrite[] {
  return batch.map((use) => ({
    updateOne: { filter: { _id: use.userId }, update: [{ $set: userCounts(use) }] },
  }));
}

function userCounts(use: PendingUse): Record<string, unknown> {
  const startedAt = new Date(Math.floor(use.at.getTime() / usageWindowMs) * usageWindowMs);
  // One that is ahead by a whole window was begun by a clock that was wrong; one that is ahead by less is the next one,
  // and what comes late for the window before changes it no more.
  const stored = "$apiUsage.window.startedAt";
  const isLater = {
    $and: [{ $gt: [stored, startedAt] }, { $lte: [stored, new Date(startedAt.getTime() + usageWindowMs)] }],
  };
  const isSame = { $eq: [stored, startedAt] };
  const resetAt = new Date(startedAt.getTime() + usageWindowMs);
  return {
    "apiUsage.totals.requests": plus("$apiUsage.totals.requests", use.requests),
    "apiUsage.totals.failures": plus("$apiUsage.totals.failures", use.failures),
    "apiUsage.window.requests": {
      $cond: [
        isLater,
        "$apiUsage.window.requests",
        { $cond: [isSame, plus("$apiUsage.window.requests", use.requests), use.requests] },
      ],
    },
    "apiUsage.window.startedAt": { $cond: [isLater, stored, startedAt] },
    "apiUsage.window.resetAt": { $cond: [isLater, "$apiUsage.window.resetAt", resetAt] },
    "apiUsage.favouriteEndpoints": favourites(use),
    lastActiveAt: latest("$lastActiveAt", use.at),
  };
}

/**
 * The Space-Saving algorithm over a list of `limits.favouriteEndpoints` counters: a newcomer takes the place of the least
 * used, whose count it inherits as its error. So a count is never too low, too high by at most its `error`, and whatever
 * has more than one in `limits.favouriteEndpoints` of all requests is in the list.
 *
 * Source: Metwally, Agrawal and El Abbadi, "Efficient Computation of Frequent and Top-k Elements in Data Streams", 2005.
 */
function favourites(use: PendingUse): Record<string, unknown> {
  const added = [...use.endpoints]
    .map(([endpoint, { requests }]) => ({ endpoint: { $literal: endpoint }, requests }))
    .sort((one, other) => other.requests - one.requests);
  const known = {
    $map: {
      input: "$$value",
      as: "old",
      in: {
        $cond: [
          { $eq: ["$$old.endpoint", "$$this.endpoint"] },
          { $mergeObjects: ["$$old", { requests: { $add: ["$$old.requests", "$$this.requests"] } }] },
          "$$old",
        ],
      },
    },
  };
  const fresh = { endpoint: "$$this.endpoint", requests: "$$this.requests", error: { $literal: 0 } };
  const heir = {
    endpoint: "$$this.endpoint",
    requests: { $add: ["$$least.requests", "$$this.requests"] },
    error: "$$least.requests",
  };
  const most = limits.favouriteEndpoints;
  const replaced = {
    $let: {
      vars: { least: { $arrayElemAt: ["$$value", -1] } },
      in: { $concatArrays: [{ $slice: ["$$value", most - 1] }, [heir]] },
    },
  };
  const names = { $map: { input: "$$value", as: "old", in: "$$old.endpoint" } };
  const hasRoom = { $lt: [{ $size: "$$value" }, most] };
  const joined = { $cond: [hasRoom, { $concatArrays: ["$$value", [fresh]] }, replaced] };
  const next = { $cond: [{ $in: ["$$this.endpoint", names] }, known, joined] };
  const sorted = { $sortArray: { input: next, sortBy: { requests: -1, endpoint: 1 } } };
  const stored = { $ifNull: ["$apiUsage.favouriteEndpoints", []] };
  return { $reduce: { input: added, initialValue: stored, in: sorted } };
}

/** API usage of each session; one that has ended meanwhile counts nothing. */
export function sessionUpdates(batch: readonly PendingUse[]): BulkWrite[] {
  return batch.flatMap(({ sessions, at }) =>
    [...sessions.values()].map(({ id, requests, failures, lastEndpoint }) => ({
      updateOne: {
        filter: { _id: id, revokedAt: null },
        update: {
          $inc: { "apiUsage.requests": requests, "apiUsage.failures": failures },
          $set: { "apiUsage.lastEndpoint": lastEndpoint, "apiUsage.lastRequestAt": at },
        },
      },
    })),
  );
}

function plus(field: string, amount: number): Record<string, unknown> {
  return { $add: [{ $ifNull: [field, 0] }, amount] };
}

/** An aggregation expression: the stored counts plus the new ones, endpoint by endpoint, newcomers last. */
function mergedCounts(field: string, added: ReadonlyMap<string, UseCount>): Record<string, unknown> {
  const kinds = ["requests", "failures"] as const;
  const stored = { $ifNull: [field, []] };
  const delta = [...added].map(([endpoint, counts]) => ({
    endpoint: { $literal: endpoint },
    ...Object.fromEntries(kinds.map((kind) => [kind, counts[kind]])),
  }));
  const sameEndpoint = {
    $filter: { input: delta, as: "new", cond: { $eq: ["$$new.endpoint", "$$old.endpoint"] } },
  };
  const summed = kinds.map((kind) => [
    kind,
    {
      $add: [
        `$$old.${kind}`,
        { $sum: { $map: { input: sameEndpoint, as: "match", in: `$$match.${kind}` } } },
      ],
    },
  ]);
  const updated = {
    $map: { input: stored, as: "old", in: { endpoint: "$$old.endpoint", ...Object.fromEntries(summed) } },
  };
  const known = { $map: { input: stored, as: "old", in: "$$old.endpoint" } };
  const newcomers = {
    $filter: { input: delta, as: "new", cond: { $not: [{ $in: ["$$new.endpoint", known] }] } },
  };
  return { $concatArrays: [updated, newcomers] };
}
