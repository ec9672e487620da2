import { Schema } from "mongoose";
import { limits } from "../core/limits.js";
import { count, list, purgeAtTtl, requiredDate, requiredText, schemaOptions } from "./parts/fields.js";
import { type BaseDocument, schemaVersion } from "./parts/version.js";
import { type EndpointCount, endpointCountSchema } from "./usage-bucket.js";

/** The requests that one OAuth app made in one day. Collection `app_usage`. */
export interface AppUsageDocument extends BaseDocument {
  clientId: string;
  /** Start of the day, UTC. */
  startedAt: Date;
  requests: number;
  failures: number;
  /** The most used first; whatever has more than one in 64 of the requests is here. */
  endpoints: EndpointCount[];
  purgeAt: Date;
}

export const appUsageSchema = new Schema<AppUsageDocument>(
  {
    clientId: requiredText(64),
    startedAt: requiredDate,
    requests: count,
    failures: count,
    endpoints: list(endpointCountSchema, limits.bucketEndpoints),
    purgeAt: requiredDate,
    schemaVersion,
  },
  schemaOptions("app_usage"),
);

appUsageSchema
  .index({ clientId: 1, startedAt: -1 }, { name: "client_day_unique", unique: true }) // usageOfApp
  .index({ purgeAt: 1 }, purgeAtTtl); // TTL: days, after the retention of use by the day
