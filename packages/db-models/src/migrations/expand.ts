import { normaliseIdentifier } from "../core/email.js";
import { duration } from "../core/limits.js";
import { addressBytes } from "../core/network.js";
import { defaultRetention } from "../core/policies/retention.js";
import { randomKey, sha256 } from "../core/secrets.js";
import { currentSchemaVersion } from "../schemas/parts/version.js";
import type { UserSessionDocument } from "../schemas/user-session.js";
import { purgeAtAfter } from "../sessions/policy.js";
import { deviceHashOf, deviceOf } from "../stored/device.js";
import { readSession, type Session, storedAddress, storedLifetimes } from "../stored/session.js";
import { defaultSecurity } from "../stored/user.js";
import type { LegacySession, LegacyUser, MigratedDocument } from "./types.js";

/** Live sessions of a user that comes from the old layout, which has no cap. */
export const { maxConcurrentSessions: defaultSessionCap } = defaultSecurity;

const { absoluteLifetimeMs } = defaultSecurity;

/** A user of the old layout in `users`. Roles, settings and the audit key are the user's from then on. */
export function expandUser(user: Omit<LegacyUser, "sessions">): MigratedDocument {
  const { _id, email, createdAt, updatedAt } = user;
  const name = user.name ?? undefined;
  return {
    collection: "users",
    document: {
      _id,
      email: normaliseIdentifier(email),
      ...(name !== undefined && { "profile.displayName": name }),
      createdAt,
      updatedAt,
    },
    supersedes: { updatedAt: { $lt: updatedAt } },
    onInsert: { ...userDefaults, auditKey: randomKey() },
    ...(name === undefined && { unset: ["profile.displayName"] }),
  };
}

// The schema's defaults for a new user, as paths, because some are siblings of migrated fields.
const userDefaults = {
  status: "active",
  roles: ["user"],
  "profile.timezone": "UTC",
  "profile.language": "en",
  "profile.theme": "system",
  subscription: { plan: "free", status: "active" },
  apiUsage: {
    totals: { requests: 0, failures: 0 },
    window: { requests: 0 },
    limit: 10_000,
    favouriteEndpoints: [],
  },
  analytics: { engagementScore: 0, logins: 0, devices: [], countries: [] },
  sessionGeneration: 0,
  schemaVersion: currentSchemaVersion,
} as const;

/**
 * A session of the old layout in `user_sessions`. The raw token stays behind: its SHA-256 finds the session
 * and decides. A live one needs a slot besides.
 */
export function expandSession(userId: LegacyUser["_id"], given: LegacySession): MigratedDocument {
  // Null counts as absent.
  const entries = Object.entries(given).filter(([, value]) => value !== null);
  const session = Object.fromEntries(entries) as Partial<LegacySession> as LegacySession;
  const { _id, createdAt, lastActivity, expiresAt } = session;
  const revokedAt = revokedAtOf(session);
  const idle = expiresAt.getTime() - lastActivity.getTime();
  const { absoluteLifetimeMs, idleTimeoutMs } = storedLifetimes({
    absoluteLifetimeMs: (session.absoluteExpiresAt ?? latest(session)).getTime() - createdAt.getTime(),
    idleTimeoutMs: Math.min(Math.max(idle, duration.minute), 90 * duration.day),
  });
  const older = [{ lastSeenAt: { $lt: lastActivity } }, { idleExpiresAt: { $lt: expiresAt } }];
  return {
    collection: "user_sessions",
    document: {
      _id,
      userId,
      ...hashesOf(session),
      ...present({ userAgent: session.userAgent, ip: addressBytes(session.ip) }),
      createdAt,
      lastSeenAt: lastActivity,
      idleExpiresAt: expiresAt,
      ...(absoluteLifetimeMs !== undefined && { absoluteLifetimeMs }),
      purgeAt: purgeAtOf(session),
      ...(revokedAt && { revokedAt, revocationReason: "signed_out" }),
    },
    // A session that has ended never becomes live again, whatever the order in which two writers arrive.
    supersedes: revokedAt
      ? { $or: [{ revokedAt: { $not: { $lte: revokedAt } } }, ...older] }
      : { revokedAt: { $exists: false }, $or: older },
    raise: ["lastSeenAt", "idleExpiresAt", "absoluteLifetimeMs", "purgeAt"],
    lower: ["revokedAt"],
    onInsert: {
      ...derivedOf(session),
      roles: ["user"],
      ...(idleTimeoutMs !== undefined && { idleTimeoutMs }),
      schemaVersion: currentSchemaVersion,
    },
    ...(revokedAt && { unset: ["slot"] }),
  };
}

/** A session of the old layout in the form that a check reads; it counts as having a slot, because that layout has no cap. */
export function asUserSession(user: LegacyUser["_id"], session: LegacySession): Session {
  const { document, onInsert } = expandSession(user, session);
  return readSession({ ...onInsert, ...document, slot: 0 } as unknown as UserSessionDocument);
}

/** From when on a session may be removed, so that it need not be carried over. */
export function purgeAtOf({ expiresAt }: LegacySession): Date {
  return purgeAtAfter(expiresAt.getTime() + defaultRetention.sessionsMs);
}

/** Whether the old layout lets a session in. */
export function isLiveLegacy(session: LegacySession, now: Date): boolean {
  return session.active && session.expiresAt > now;
}

function hashesOf({ token, handleHash, tokenHash }: LegacySession) {
  if (token === undefined) return { handleHash, tokenHash };
  return { legacyTokenHash: sha256(token) };
}

// The old layout does not say when: the last activity is the latest moment at which it was known to live.
function revokedAtOf({ active, revokedAt, lastActivity }: LegacySession): Date | undefined {
  return active ? undefined : (revokedAt ?? lastActivity);
}

function latest({ createdAt, expiresAt }: LegacySession): Date {
  return new Date(Math.max(createdAt.getTime() + absoluteLifetimeMs, expiresAt.getTime()));
}

function derivedOf({ userAgent, ip }: LegacySession) {
  const { network } = storedAddress(ip);
  return { deviceHash: deviceHashOf(deviceOf(userAgent)), ...(network && { network }) };
}

function present<T extends object>(fields: T): { [K in keyof T]?: NonNullable<T[K]> } {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: NonNullable<T[K]> };
}
