import { Schema, type Types } from "mongoose";
import { limits } from "../core/limits.js";
import { count, keptText, list, purgeAtTtl, requiredDate, schemaOptions } from "./parts/fields.js";
import { type BaseDocument, schemaVersion } from "./parts/version.js";

export const usageIntervals = ["hour", "day"] as const;
export type UsageInterval = (typeof usageIntervals)[number];

export interface EndpointCount {
  endpoint: string;
  /** Never too low, and too high by at most `error`. */
  requests: number;
  /** Of those that were counted since the endpoint was listed: never too high, and too low by at most `error`. */
  failures: number;
  error: number;
}

/** One user's API use in one interval. Collection `usage_buckets`. */
export interface UsageBucketDocument extends BaseDocument {
  userId: Types.ObjectId;
  interval: UsageInterval;
  /** Start of the interval, UTC. */
  startedAt: Date;
  requests: number;
  failures: number;
  /** The most used first; whatever has more than one in 64 of the requests is here. */
  endpoints: EndpointCount[];
  purgeAt: Date;
}

export const endpointCountSchema = new Schema<EndpointCount>(
  { endpoint: keptText(limits.endpoint), requests: count, failures: count, error: count },
  { _id: false },
);

export const usageBucketSchema = new Schema<UsageBucketDocument>(
  {
    userId: { type: Schema.Types.ObjectId, required: true },
    interval: { type: String, enum: usageIntervals, required: true },
    startedAt: requiredDate,
    requests: count,
    failures: count,
    endpoints: list(endpointCountSchema, limits.bucketEndpoints),
    purgeAt: requiredDate,
    schemaVersion,
  },
  schemaOptions("usage_buckets", { userId: 1 }),
);

usageBucketSchema
  .index({ userId: 1, interval: 1, startedAt: -1 }, { name: "user_interval_unique", unique: true }) // usageOfUser
  .index({ interval: 1, startedAt: -1, requests: -1, _id: -1 }, { name: "interval_heaviest" }) // heaviestUsageOf
  .index({ purgeAt: 1 }, purgeAtTtl); // TTL: buckets, after their retention
