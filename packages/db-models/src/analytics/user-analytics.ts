import type { Types } from "mongoose";
import { z } from "zod";
import type { Context } from "../context/context.js";
import { IdentityError } from "../core/errors.js";
import { parseInput } from "../core/input.js";
import { duration } from "../core/limits.js";
import { queries } from "../queries/queries.js";
import { runQuery } from "../queries/run-query.js";
import { soundUser } from "../queries/sound-user.js";
import type { EndpointCount, UsageBucketDocument } from "../schemas/usage-bucket.js";
import type { KnownCountry, KnownDevice, UserDocument } from "../schemas/user.js";
import { type Engagement, engagementDays, engagementOf } from "./engagement.js";

type Counts = Pick<EndpointCount, "requests" | "failures">;

/** A user's logins and API use. */
export interface UserAnalyticsReport {
  engagement: Engagement;
  logins: { total: number; lastLoginAt?: Date };
  /** The last seen first, at most `limits.devices`. */
  devices: KnownDevice[];
  /** The last seen first, at most `limits.countries`. */
  countries: KnownCountry[];
  usage: Counts & {
    /** Days, UTC, with at least one request, the newest first. */
    byDay: Array<Counts & { startedAt: Date }>;
    /** The most used first, summed over the days that list them: a day lists its `limits.bucketEndpoints` most used. */
    byEndpoint: EndpointCount[];
  };
}

/** How many days of use to report, the current one included. */
export const userAnalyticsOptionsSchema = z.strictObject({
  days: z.int().min(1).max(366).default(engagementDays).describe("Days of use, the current one included"),
});
export type UserAnalyticsOptions = z.input<typeof userAnalyticsOptionsSchema>;

type AnalysedUser = Pick<UserDocument, "_id" | "analytics" | "lastActiveAt">;
const analysed = { analytics: 1, lastActiveAt: 1 } as const;
type Buckets = Array<Pick<UsageBucketDocument, "startedAt" | "requests" | "failures" | "endpoints">>;

export async function getUserAnalytics(
  context: Context,
  input: { userId: Types.ObjectId } & UserAnalyticsOptions,
): Promise<UserAnalyticsReport> {
  const { now } = context;
  const { userId, ...options } = input;
  const { days } = parseInput(userAnalyticsOptionsSchema, options);
  const { user, buckets } = await readActivity(context, userId, Math.max(days, engagementDays));
  const reported = within(buckets, days, now);
  const { logins, lastLoginAt, devices, countries } = user.analytics;
  return {
    engagement: engagement(user, buckets, now),
    logins: { total: logins, ...(lastLoginAt && { lastLoginAt }) },
    devices,
    countries,
    usage: {
      ...sumOf(reported),
      byDay: reported.map(({ startedAt, requests, failures }) => ({ startedAt, requests, failures })),
      byEndpoint: endpointsOf(reported),
    },
  };
}

export async function updateAnalytics(
  context: Context,
  input: { userId: Types.ObjectId },
): Promise<Engagement> {
  const { models, now } = context;
  const { user, buckets } = await readActivity(context, input.userId, engagementDays);
  const computed = engagement(user, buckets, now);
  await models.User.collection.updateOne(
    { _id: input.userId },
    { $set: { "analytics.engagementScore": computed.score } },
  );
  return computed;
}

async function readActivity(
  context: Context,
  userId: Types.ObjectId,
  days: number,
): Promise<{ user: AnalysedUser; buckets: Buckets }> {
  const { models, now } = context;
  const period = { from: firstDay(days, now), to: new Date(now.getTime() + 1), limit: days };
  const [user, buckets] = await Promise.all([
    models.User.collection.findOne<AnalysedUser>({ _id: userId }, { projection: analysed }),
    runQuery(models, queries.usageOfUser(userId, "day", period), {
      startedAt: 1,
      requests: 1,
      failures: 1,
      endpoints: 1,
    }),
  ]);
  if (!user) throw new IdentityError("USER_NOT_FOUND", "there is no such user");
  return { user: soundUser(models, user, analysed), buckets };
}

function engagement(user: AnalysedUser, buckets: Buckets, now: Date): Engagement {
  const recent = within(buckets, engagementDays, now);
  return engagementOf(
    {
      lastActiveAt: user.lastActiveAt,
      activeDays: recent.length,
      requests: sumOf(recent).requests,
      endpoints: endpointsOf(recent).length,
    },
    now,
  );
}

/** Start of the first of so many days that end with today, UTC. */
function firstDay(days: number, now: Date): Date {
  const today = Math.floor(now.getTime() / duration.day);
  return new Date((today - days + 1) * duration.day);
}

function within(buckets: Buckets, days: number, now: Date): Buckets {
  const from = firstDay(days, now);
  return buckets.filter(({ startedAt }) => startedAt >= from);
}

function sumOf(buckets: Buckets): Counts {
  return buckets.reduce<Counts>(
    (sum, { requests, failures }) => ({
      requests: sum.requests + requests,
      failures: sum.failures + failures,
    }),
    { requests: 0, failures: 0 },
  );
}

function endpointsOf(buckets: Buckets): EndpointCount[] {
  const counts = new Map<string, EndpointCount>();
  for (const { endpoint, requests, failures, error } of buckets.flatMap(({ endpoints }) => endpoints)) {
    const known = counts.get(endpoint) ?? { endpoint, requests: 0, failures: 0, error: 0 };
    known.requests += requests;
    known.failures += failures;
    known.error += error;
    counts.set(endpoint, known);
  }
  return [...counts.values()].sort((a, b) => b.requests - a.requests || (a.endpoint < b.endpoint ? -1 : 1));
}
