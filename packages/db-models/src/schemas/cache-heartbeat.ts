import { Schema } from "mongoose";
import { count, purgeAtTtl, requiredDate, schemaOptions } from "./parts/fields.js";
import { type BaseDocument, schemaVersion } from "./parts/version.js";

/**
 * An instance that answers checks from memory. It counts up, and what it counts comes back to it in a change stream: so it
 * knows how far it has seen the changes of others. Collection `cache_heartbeats`.
 */
export interface CacheHeartbeatDocument extends BaseDocument {
  /** Heartbeats so far. */
  beats: number;
  /** The bound of this instance, milliseconds: so long may it answer with what was revoked. */
  boundMs: number;
  purgeAt: Date;
}

export const cacheHeartbeatSchema = new Schema<CacheHeartbeatDocument>(
  {
    beats: count,
    boundMs: { type: Number, required: true, min: 1 },
    purgeAt: requiredDate,
    schemaVersion,
  },
  schemaOptions("cache_heartbeats"),
);

cacheHeartbeatSchema.index({ purgeAt: 1 }, purgeAtTtl); // TTL: instances that are gone
