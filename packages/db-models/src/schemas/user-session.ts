import { Schema, type Types } from "mongoose";
import { administratorRoles } from "../core/administrator-roles.js";
import type { Proof } from "../core/assurance.js";
import { limits } from "../core/limits.js";
import type { TokenRotation } from "../core/rotations.js";
import {
  count,
  hash,
  list,
  purgeAtTtl,
  requiredDate,
  requiredText,
  schemaOptions,
  text,
} from "./parts/fields.js";
import { proofs } from "./parts/proofs.js";
import { tokenRotations } from "./parts/token-rotation.js";
import { type BaseDocument, schemaVersion } from "./parts/version.js";

export const deviceTypes = [
  "desktop",
  "mobile",
  "tablet",
  "tv",
  "wearable",
  "console",
  "bot",
  "client",
  "unknown",
] as const;
export type DeviceType = (typeof deviceTypes)[number];

export const riskLevels = ["unscored", "low", "medium", "high"] as const;
export type RiskLevel = (typeof riskLevels)[number];

export const revocationReasons = [
  "signed_out",
  "signed_out_elsewhere",
  "all_signed_out",
  "evicted",
  "signed_in_again",
  "reuse_detected",
  "account_not_active",
  "credentials_changed",
  "administrator",
  "risk",
  "reported",
] as const;
/** Why a session ended before it expired. */
export type RevocationReason = (typeof revocationReasons)[number];

export interface Device {
  os: { name?: string; version?: string };
  browser: { name?: string; version?: string };
  type: DeviceType;
  /** For people: "Chrome on Windows". */
  label: string;
}

export interface GeoLocation {
  /** ISO 3166-1 alpha-2. */
  country?: string;
  region?: string;
  city?: string;
  latitude?: number;
  longitude?: number;
}

export interface RiskAssessment {
  /** 0 to 100; absent while unscored. */
  score?: number;
  /** Score of the sign-in, if the session has changed since; a session's score never falls below it. */
  signInScore?: number;
  level: RiskLevel;
  /** Reason codes, the strongest first. */
  reasons: string[];
}

export interface SessionApiUsage {
  requests: number;
  failures: number;
  lastEndpoint?: string;
  lastRequestAt?: Date;
}

/**
 * One sign-in of one user on one device. Collection `user_sessions`. Live means: a `slot`, no
 * `revokedAt`, and `idleExpiresAt` in the future; `idleExpiresAt` never passes `absoluteExpiresAt`.
 */
export interface UserSessionDocument extends BaseDocument {
  userId: Types.ObjectId;
  /** SHA-256 of the token's handle: the one key by which a presented token is found. */
  handleHash: string;
  /** SHA-256 of the whole token that is valid now. */
  tokenHash: string;
  /** Rotations so far. */
  generation: number;
  /** The tokens before, as far as they were in their grace at the last rotation; the newest last. */
  rotations: TokenRotation[];
  /** Place among the user's live sessions, 0 to the cap less one. Absent once the session has ended. */
  slot?: number;
  /** `sessionGeneration` of the user when the session was opened. */
  userGeneration: number;
  /** The user's roles, so that a check needs no second read; kept in step when roles change. */
  roles: string[];
  scopes: string[];
  device: Device;
  deviceHash: string;
  userAgent?: string;
  ip?: string;
  /** The /24 of an IPv4 or the /64 of an IPv6 address. */
  network?: string;
  location?: GeoLocation;
  risk: RiskAssessment;
  apiUsage: SessionApiUsage;
  /** When the user last proved who they are in this session. */
  authenticatedAt: Date;
  /** The user's proofs, each method once with its last time; absent if none was recorded. */
  proofs?: Proof[];
  createdAt: Date;
  lastSeenAt: Date;
  idleTimeoutMs: number;
  idleExpiresAt: Date;
  absoluteExpiresAt: Date;
  revokedAt?: Date;
  revocationReason?: RevocationReason;
  /** Expiry or revocation, plus the retention: from then on the TTL index may remove the document. */
  purgeAt: Date;
}

const version = { name: text(64), version: text(32) };

const deviceSchema = new Schema<Device>(
  {
    os: version,
    browser: version,
    type: { type: String, enum: deviceTypes, required: true },
    label: requiredText(limits.name),
  },
  { _id: false },
);

const locationSchema = new Schema<GeoLocation>(
  {
    country: { type: String, minlength: 2, maxlength: 2 },
    region: text(limits.location),
    city: text(limits.location),
    latitude: { type: Number, min: -90, max: 90 },
    longitude: { type: Number, min: -180, max: 180 },
  },
  { _id: false },
);

export const riskSchema = new Schema<RiskAssessment>(
  {
    score: { type: Number, min: 0, max: 100 },
    signInScore: { type: Number, min: 0, max: 100 },
    level: { type: String, enum: riskLevels, required: true, default: "unscored" },
    reasons: list(requiredText(64), limits.riskReasons),
  },
  { _id: false },
);

export const userSessionSchema = new Schema<UserSessionDocument>(
  {
    userId: { type: Schema.Types.ObjectId, required: true },
    handleHash: { ...hash, required: true },
    tokenHash: { ...hash, required: true },
    generation: count,
    rotations: tokenRotations,
    slot: { type: Number, min: 0, max: limits.concurrentSessions - 1 },
    userGeneration: count,
    roles: list(requiredText(limits.role), limits.roles + administratorRoles.length),
    scopes: list(requiredText(limits.scope), limits.scopes),
    device: { type: deviceSchema, required: true },
    deviceHash: { ...hash, required: true },
    userAgent: { type: String, maxlength: limits.userAgent },
    ip: text(limits.cidr),
    network: text(limits.cidr),
    location: locationSchema,
    risk: { type: riskSchema, required: true, default: () => ({}) },
    apiUsage: {
      requests: count,
      failures: count,
      lastEndpoint: text(limits.endpoint),
      lastRequestAt: Date,
    },
    authenticatedAt: requiredDate,
    proofs,
    createdAt: requiredDate,
    lastSeenAt: requiredDate,
    idleTimeoutMs: { type: Number, required: true, min: 1 },
    idleExpiresAt: requiredDate,
    absoluteExpiresAt: requiredDate,
    revokedAt: Date,
    revocationReason: { type: String, enum: revocationReasons },
    purgeAt: requiredDate,
    schemaVersion,
  },
  schemaOptions("user_sessions"),
);

// Most sessions have ended: an index of the live ones is a fraction of one of all.
const liveOnly = { partialFilterExpression: { slot: { $gte: 0 } } } as const;

userSessionSchema
  .index({ handleHash: 1 }, { name: "handle_unique", unique: true }) // sessionByHandle
  // The cap is this index: two live sessions can't hold one slot, whatever runs in parallel. slotsOfUser reads it.
  .index({ userId: 1, slot: 1 }, { name: "slot_unique", unique: true, ...liveOnly })
  .index({ userId: 1, createdAt: -1, _id: -1 }, { name: "history_of_user" }) // sessionHistoryOfUser
  .index({ userId: 1, deviceHash: 1, createdAt: -1, _id: -1 }, { name: "device_of_user" }) // sessionsOfDevice
  .index({ network: 1, createdAt: -1, _id: -1 }, { name: "network_newest" }) // sessionsFromNetwork
  .index({ "risk.level": 1, revokedAt: 1, lastSeenAt: -1, _id: -1 }, { name: "risk_recent" }) // liveSessionsAtRisk
  .index({ idleExpiresAt: 1, _id: 1 }, { name: "idle_expiry" }) // sessionsExpiredBetween
  .index(
    { revokedAt: 1, _id: 1 },
    { name: "ended", partialFilterExpression: { revokedAt: { $exists: true } } },
  ) // sessionsEndedBetween
  .index({ purgeAt: 1 }, purgeAtTtl); // TTL: ended sessions, after their retention
