import type { Types } from "mongoose";
import { latest } from "../core/clock.js";
import { duration, limits } from "../core/limits.js";
import type { Retention } from "../core/policies/retention.js";
import type { EntryWrite } from "../queries/write-each.js";
import { currentSchemaVersion } from "../schemas/parts/version.js";
import { type UsageInterval, usageIntervals } from "../schemas/usage-bucket.js";
import { usageIncrements } from "../stored/session.js";
import { type HeavyHitters, mergedHitters } from "./heavy-hitters.js";

export interface UseCount {
  requests: number;
  failures: number;
}

type UseWrite = EntryWrite<PendingUse>;

/** A user's requests in one hour since the last flush. */
export interface PendingUse extends UseCount {
  userId: Types.ObjectId;
  /** Of the last request. */
  at: Date;
  endpoints: HeavyHitters;
  sessions: Map<string, UseCount & { id: Types.ObjectId; lastEndpoint: string }>;
}

/** Counters of each endpoint, per interval and in total. */
const endpointCounts = ["requests", "failures", "error"] as const;
const favouriteCounts = ["requests", "error"] as const;

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
export function bucketUpdates(batch: readonly PendingUse[], retention: Retention): UseWrite[] {
  return batch.flatMap((use) => usageIntervals.map((interval) => bucketUpdate(use, interval, retention)));
}

function bucketUpdate(use: PendingUse, interval: UsageInterval, retention: Retention): UseWrite {
  const startedAt = intervalStart(interval, use.at);
  const updateOne = {
    filter: { userId: use.userId, interval, startedAt },
    update: [{ $set: bucketCounts({ ...use, startedAt }, interval, retention) }],
    upsert: true,
  };
  return { operation: { updateOne }, entries: [use] };
}

/** The fields of a bucket, with what was counted since. */
export function bucketCounts(
  { requests, failures, endpoints, startedAt }: UseCount & { endpoints: HeavyHitters; startedAt: Date },
  interval: UsageInterval,
  retention: Retention,
): Record<string, unknown> {
  return {
    requests: plus("$requests", requests),
    failures: plus("$failures", failures),
    endpoints: mergedHitters("$endpoints", endpoints, limits.bucketEndpoints, endpointCounts),
    purgeAt: new Date(startedAt.getTime() + intervalMs[interval] + retention[bucketRetention[interval]]),
    schemaVersion: currentSchemaVersion,
  };
}

/** Totals, window, favourite endpoints and last activity of each user. */
export function userUpdates(batch: readonly PendingUse[]): UseWrite[] {
  return batch.map((use) => ({
    operation: { updateOne: { filter: { _id: use.userId }, update: [{ $set: userCounts(use) }] } },
    entries: [use],
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
    "apiUsage.favouriteEndpoints": mergedHitters(
      "$apiUsage.favouriteEndpoints",
      use.endpoints,
      limits.favouriteEndpoints,
      favouriteCounts,
    ),
    lastActiveAt: latest("$lastActiveAt", use.at),
  };
}

/** API usage of each session; one that has ended meanwhile counts nothing. */
export function sessionUpdates(batch: readonly PendingUse[]): UseWrite[] {
  return batch.flatMap((use) =>
    [...use.sessions.values()].map(({ id, requests, failures, lastEndpoint }) => {
      const filter = { _id: id, userId: use.userId, revokedAt: null };
      const counted = { $inc: usageIncrements({ requests, failures }) };
      const update = { ...counted, $set: { "apiUsage.lastEndpoint": lastEndpoint } };
      return { operation: { updateOne: { filter, update } }, entries: [use] };
    }),
  );
}

function plus(field: string, amount: number): Record<string, unknown> {
  return { $add: [{ $ifNull: [field, 0] }, amount] };
}
