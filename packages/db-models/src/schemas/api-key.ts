import { Schema, type Types } from "mongoose";
import {
  type BaseDocument,
  count,
  hash,
  limits,
  list,
  purgeAtTtl,
  requiredDate,
  requiredText,
  schemaOptions,
  schemaVersion,
} from "./common.js";

export interface ApiKeyQuota {
  /** Verifications left before the next refill; absent means unlimited. */
  remaining?: number;
  refillAmount?: number;
  refillIntervalMs?: number;
  refilledAt?: Date;
}

export interface ApiKeyRateLimit {
  /** Requests per window. */
  limit?: number;
  windowMs?: number;
}

/** A key that a program authenticates with; only its hash. Collection `api_keys`. */
export interface ApiKeyDocument extends BaseDocument {
  userId: Types.ObjectId;
  name: string;
  /** SHA-256 of the key. */
  keyHash: string;
  /** The first characters of the key, for people to tell keys apart. */
  start: string;
  scopes: string[];
  ipAllowlist: string[];
  rateLimit: ApiKeyRateLimit;
  quota: ApiKeyQuota;
  usage: { requests: number; failures: number };
  /** The key that this one replaced. */
  rotatedFrom?: Types.ObjectId;
  lastUsedAt?: Date;
  createdAt: Date;
  expiresAt?: Date;
  revokedAt?: Date;
  purgeAt?: Date;
}

export const apiKeySchema = new Schema<ApiKeyDocument>(
  {
    userId: { type: Schema.Types.ObjectId, required: true },
    name: requiredText(limits.name),
    keyHash: { ...hash, required: true },
    start: requiredText(16),
    scopes: list(requiredText(limits.scope), limits.scopes),
    ipAllowlist: list(requiredText(limits.cidr), limits.allowlist),
    rateLimit: {
      limit: { type: Number, min: 1 },
      windowMs: { type: Number, min: 1_000 },
    },
    quota: {
      remaining: { type: Number, min: 0 },
      refillAmount: { type: Number, min: 1 },
      refillIntervalMs: { type: Number, min: 1_000 },
      refilledAt: Date,
    },
    usage: { requests: count, failures: count },
    rotatedFrom: Schema.Types.ObjectId,
    lastUsedAt: Date,
    createdAt: requiredDate,
    expiresAt: Date,
    revokedAt: Date,
    purgeAt: Date,
    schemaVersion,
  },
  schemaOptions("api_keys"),
);

apiKeySchema
  .index({ keyHash: 1 }, { name: "key_unique", unique: true }) // apiKeyByHash
  .index({ userId: 1, revokedAt: 1, createdAt: -1 }, { name: "live_of_user" }) // liveApiKeysOfUser
  .index({ expiresAt: 1 }, { name: "expiring", sparse: true }) // apiKeysExpiringBetween
  .index({ purgeAt: 1 }, purgeAtTtl); // TTL: expired and revoked keys, after their retention
