import { Schema, type Types } from "mongoose";
import { limits } from "../core/limits.js";
import { count, hash, list, purgeAtTtl, requiredDate, requiredText, schemaOptions } from "./parts/fields.js";
import { type BaseDocument, schemaVersion } from "./parts/version.js";

export interface ApiKeyQuota {
  /** Verifications that nobody has claimed yet, before the next refill; absent means unlimited. */
  remaining?: number;
  refillAmount?: number;
  refillIntervalMs?: number;
  /** Begin of the present interval. */
  refilledAt?: Date;
}

export interface ApiKeyRateLimit {
  /** Verifications per window; absent means unlimited. */
  limit?: number;
  windowMs?: number;
  /** Begin of the window that `used` counts in. */
  startedAt?: Date;
  /** Verifications of the window that were claimed. */
  used?: number;
}

export interface ApiKeySecret {
  /** SHA-256 of the key. */
  keyHash: Buffer;
  createdAt: Date;
  /** Set when another key took its place: from then on it is refused. */
  expiresAt?: Date;
}

/** Verifications that a process has claimed and spends in memory. */
export interface ApiKeyLease {
  /** The identity object that holds it; each has at most one lease of a key. */
  owner: string;
  units: number;
  /** The owner gives back what is left, at the latest now. */
  expiresAt: Date;
}

/** A key that a program authenticates with; only its hash. Collection `api_keys`. */
export interface ApiKeyDocument extends BaseDocument {
  userId: Types.ObjectId;
  name: string;
  /** The key, and the one before its rotation while that is still good. */
  secrets: ApiKeySecret[];
  /** The first characters of the key, for people to tell keys apart. */
  start: string;
  scopes: string[];
  ipAllowlist: string[];
  rateLimit: ApiKeyRateLimit;
  quota: ApiKeyQuota;
  leases: ApiKeyLease[];
  usage: { requests: number; failures: number };
  /** Whether the account is active: kept in step, so that a verification need not read it. */
  ownerActive: boolean;
  /** `sessionGeneration` of the account when `ownerActive` was set; what is older doesn't overwrite it. */
  ownerGeneration: number;
  /** The session that made the present key, first or by a rotation. */
  addedInSession?: Types.ObjectId;
  lastUsedAt?: Date;
  createdAt: Date;
  expiresAt?: Date;
  revokedAt?: Date;
  purgeAt?: Date;
}

const secretSchema = new Schema<ApiKeySecret>(
  { keyHash: { ...hash, required: true }, createdAt: requiredDate, expiresAt: Date },
  { _id: false },
);

const leaseSchema = new Schema<ApiKeyLease>(
  {
    owner: { type: String, required: true, minlength: 22, maxlength: 22 },
    units: count,
    expiresAt: requiredDate,
  },
  { _id: false },
);

export const apiKeySchema = new Schema<ApiKeyDocument>(
  {
    userId: { type: Schema.Types.ObjectId, required: true },
    name: requiredText(limits.name),
    secrets: list(secretSchema, limits.apiKeySecrets),
    start: requiredText(16),
    scopes: list(requiredText(limits.scope), limits.scopes),
    ipAllowlist: list(requiredText(limits.cidr), limits.allowlist),
    rateLimit: {
      limit: { type: Number, min: 1 },
      windowMs: { type: Number, min: 1_000 },
      startedAt: Date,
      used: { type: Number, min: 0 },
    },
    quota: {
      remaining: { type: Number, min: 0 },
      refillAmount: { type: Number, min: 1 },
      refillIntervalMs: { type: Number, min: 1_000 },
      refilledAt: Date,
    },
    leases: list(leaseSchema, limits.leases),
    usage: { requests: count, failures: count },
    ownerActive: { type: Boolean, required: true, default: false },
    ownerGeneration: count,
    addedInSession: Schema.Types.ObjectId,
    lastUsedAt: Date,
    createdAt: requiredDate,
    expiresAt: Date,
    revokedAt: Date,
    purgeAt: Date,
    schemaVersion,
  },
  schemaOptions("api_keys", { userId: 1 }),
);

apiKeySchema
  // apiKeyById reads by `_id`.
  .index({ userId: 1, revokedAt: 1, createdAt: -1, _id: -1 }, { name: "live_of_user" }) // liveApiKeysOfUser
  .index({ start: 1, _id: 1 }, { name: "start" }) // apiKeysByStart
  .index(
    { expiresAt: 1, _id: 1 },
    { name: "expiring", partialFilterExpression: { expiresAt: { $exists: true } } },
  ) // apiKeysExpiringBetween
  .index({ purgeAt: 1 }, purgeAtTtl); // TTL: expired and revoked keys, after their retention
