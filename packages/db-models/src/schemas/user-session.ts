import { Schema, type Types } from "mongoose";
import { administratorRoles } from "../core/administrator-roles.js";
import type { Proof } from "../core/assurance.js";
import { limits } from "../core/limits.js";
import type { TokenRotation } from "../core/rotations.js";
import {
  absentable,
  absentCount,
  hash,
  list,
  lookupHash,
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

/** Levels of sessions that somebody should look at. */
export type ElevatedRisk = Extract<RiskLevel, "medium" | "high">;

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
  "time_up",
  "actor_signed_out",
  "actor_not_allowed",
] as const;
/** Why a session ended before it expired. The last three are of impersonations, whose actor is the administrator. */
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

/** As it is stored: without a level it is `low`, and absent as a whole while unscored. */
export type StoredRisk = Omit<RiskAssessment, "level" | "reasons"> &
  Partial<Pick<RiskAssessment, "level" | "reasons">>;

export interface SessionApiUsage {
  requests: number;
  failures: number;
  lastEndpoint?: string;
}

/** Whose work a session is that an administrator has opened to act for its user. */
export interface Impersonation {
  /** The administrator. */
  actor: Types.ObjectId;
  /** The administrator's own session, without which it is over. */
  actorSession: Types.ObjectId;
  /** Why, as the administrator has put it. */
  reason: string;
  /** From then on its end is looked for. Absent once the end was noted. */
  sweepAt?: Date;
}

/** The slot of an impersonation: above those that the cap counts, so a user has one at most. */
export const impersonationSlot = limits.concurrentSessions;

/**
 * One sign-in of one user on one device. Collection `user_sessions`. Live means: a `slot`, no
 * `revokedAt`, and `idleExpiresAt` in the future; `idleExpiresAt` never passes the absolute lifetime.
 *
 * Fields with their usual value are absent, so that a session takes few bytes: `readSession` fills it in.
 */
export interface UserSessionDocument extends BaseDocument {
  userId: Types.ObjectId;
  /** Hash of the token's handle. Who can't name the handle has never had a token of this session, and raises no alarm. */
  handleHash?: Buffer;
  /** SHA-256 of the whole token that is valid now. */
  tokenHash?: Buffer;
  /** Of a session that came from the old layout: SHA-256 of its token, which finds it and decides. It has no others. */
  legacyTokenHash?: Buffer;
  /** Rotations so far. Absent before the first. */
  generation?: number;
  /** The tokens before, as far as they were in their grace at the last rotation; the newest last. */
  rotations?: TokenRotation[];
  /** Place among the user's live sessions, 0 to the cap less one; {@link impersonationSlot}. Absent once the session has ended. */
  slot?: number;
  /** `sessionGeneration` of the user when the session was opened. Absent for 0. */
  userGeneration?: number;
  /** The user's roles, so that a check needs no second read; kept in step when roles change. */
  roles: string[];
  scopes?: string[];
  deviceHash: Buffer;
  /** The header. The device is read from it. */
  userAgent?: string;
  /** Address: 4 or 16 bytes. */
  ip?: Buffer;
  /** The first 3 bytes of an IPv4 or 8 of an IPv6 address. */
  network?: Buffer;
  /** Country; region; city; latitude; longitude. */
  location?: string;
  risk?: StoredRisk;
  apiUsage?: Partial<SessionApiUsage>;
  /** When the user last proved who they are in this session. Absent if that was when it was opened. */
  authenticatedAt?: Date;
  /** The user's proofs, each method once with its last time; absent if none was recorded. */
  proofs?: Proof[];
  createdAt: Date;
  lastSeenAt: Date;
  /** Absent for the default of a user's settings. */
  idleTimeoutMs?: number;
  idleExpiresAt: Date;
  /** From `createdAt` on. Absent for the default of a user's settings. */
  absoluteLifetimeMs?: number;
  revokedAt?: Date;
  revocationReason?: RevocationReason;
  /** Absent where the user has signed in. */
  impersonation?: Impersonation;
  /**
   * From then on the TTL index may remove the document: expiry plus the retention, at the next midnight (UTC), so that few
   * uses of a session move it in the index.
   */
  purgeAt: Date;
}

export const riskSchema = new Schema<StoredRisk>(
  {
    score: { type: Number, min: 0, max: 100 },
    signInScore: { type: Number, min: 0, max: 100 },
    level: { type: String, enum: riskLevels },
    reasons: absentable(list(requiredText(64), limits.riskReasons)),
  },
  { _id: false },
);

const apiUsageSchema = new Schema<Partial<SessionApiUsage>>(
  { requests: absentCount, failures: absentCount, lastEndpoint: text(limits.endpoint) },
  { _id: false },
);

const impersonationSchema = new Schema<Impersonation>(
  {
    actor: { type: Schema.Types.ObjectId, required: true },
    actorSession: { type: Schema.Types.ObjectId, required: true },
    reason: requiredText(limits.reason),
    sweepAt: Date,
  },
  { _id: false },
);

export const userSessionSchema = new Schema<UserSessionDocument>(
  {
    userId: { type: Schema.Types.ObjectId, required: true },
    handleHash: lookupHash,
    tokenHash: hash,
    legacyTokenHash: hash,
    generation: absentCount,
    rotations: absentable(tokenRotations),
    slot: { type: Number, min: 0, max: impersonationSlot },
    userGeneration: absentCount,
    roles: list(requiredText(limits.role), limits.roles + administratorRoles.length),
    scopes: absentable(list(requiredText(limits.scope), limits.scopes)),
    deviceHash: { ...lookupHash, required: true },
    userAgent: { type: String, maxlength: limits.userAgent },
    ip: Buffer,
    network: Buffer,
    location: text(limits.packedLocation),
    risk: riskSchema,
    apiUsage: apiUsageSchema,
    authenticatedAt: Date,
    proofs,
    createdAt: requiredDate,
    lastSeenAt: requiredDate,
    idleTimeoutMs: { type: Number, min: 1 },
    idleExpiresAt: requiredDate,
    absoluteLifetimeMs: { type: Number, min: 1 },
    revokedAt: Date,
    revocationReason: { type: String, enum: revocationReasons },
    impersonation: impersonationSchema,
    purgeAt: requiredDate,
    schemaVersion,
  },
  schemaOptions("user_sessions", { userId: 1 }),
);

// Most sessions have ended: an index of the live ones is a fraction of one of all.
const liveOnly = { partialFilterExpression: { slot: { $gte: 0 } } } as const;
// Few sessions are impersonations: their indexes cost the others nothing.
const impersonations = { partialFilterExpression: { "impersonation.actor": { $exists: true } } } as const;

userSessionSchema
  // sessionById reads by `_id`.
  .index(
    { legacyTokenHash: 1 },
    { name: "legacy_token", partialFilterExpression: { legacyTokenHash: { $exists: true } } },
  ) // sessionsByLegacyToken
  // The cap is this index: two live sessions can't hold one slot, whatever runs in parallel. slotsOfUser reads it.
  .index({ userId: 1, slot: 1 }, { name: "slot_unique", unique: true, ...liveOnly })
  .index({ userId: 1, createdAt: -1, _id: -1 }, { name: "history_of_user" }) // sessionHistoryOfUser
  .index({ userId: 1, deviceHash: 1 }, { name: "device_of_user" }) // sessionsOfDevice
  .index({ network: 1, createdAt: -1, _id: -1 }, { name: "network_newest" }) // sessionsFromNetwork
  // Of this index alone the entries move with each use of a session; few sessions are in it. liveSessionsAtRisk
  .index(
    { "risk.level": 1, lastSeenAt: -1, _id: -1 },
    { name: "risk_recent", partialFilterExpression: { "risk.level": { $exists: true }, slot: { $gte: 0 } } },
  )
  .index(
    { revokedAt: 1, _id: 1 },
    { name: "ended", partialFilterExpression: { revokedAt: { $exists: true } } },
  ) // sessionsEndedBetween
  .index({ createdAt: -1, _id: -1 }, { name: "impersonation_newest", ...impersonations }) // newestImpersonations
  .index({ "impersonation.actor": 1, createdAt: -1, _id: -1 }, { name: "actor_newest", ...impersonations }) // impersonationsBy
  .index(
    { "impersonation.sweepAt": 1, _id: 1 },
    { name: "impersonation_due", partialFilterExpression: { "impersonation.sweepAt": { $exists: true } } },
  ) // dueImpersonations
  .index({ purgeAt: 1 }, purgeAtTtl); // TTL: ended sessions, after their retention
