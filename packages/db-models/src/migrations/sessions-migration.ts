import type { Connection, Types } from "mongoose";
import { IdentityError } from "../core/errors.js";
import { duration } from "../core/limits.js";
import { modelsOf } from "../schemas/models.js";
import { bytesOf } from "./bytes.js";
import { collapse, type LegacyWrite } from "./collapse.js";
import { defaultSessionCap, expandSession, expandUser, isLiveLegacy, purgeAtOf } from "./expand.js";
import { faultOfSession, faultOfUser } from "./legacy-faults.js";
import { settleSlots } from "./settle.js";
import type { LegacySession, LegacyUser, MigratedDocument } from "./types.js";

type Plain = Record<string, unknown>;

/** A migration in the form that `@org/db-optimizer` takes. */
export interface SessionsMigration {
  name: string;
  source: string;
  targets: readonly string[];
  phaseLeaseMs: number;
  retentionMs: number;
  contract: { unset: readonly string[] };
  expand(source: Plain, now: Date): MigratedDocument[];
  belongTo(collection: string, sourceIds: readonly unknown[], now: Date): Plain;
  ownerOf(collection: string, document: Plain): unknown;
  canonical(collection: string, document: Plain): Plain;
  collapse(targets: ReadonlyMap<string, readonly Plain[]>, source: Plain | undefined): LegacyWrite[];
  settle(connection: Connection, sourceIds: readonly unknown[], now: Date): Promise<void>;
}

/** Options that may differ between services. */
export interface SessionsMigrationOptions {
  /** Collection of the old layout. Default `legacy_users`. */
  source?: string;
  /** Milliseconds that a process may go by a phase that it has read. Default 5,000. */
  phaseLeaseMs?: number;
  /** Milliseconds from the switch of reads to the earliest contract. Default 7 days. */
  retentionMs?: number;
}

/**
 * Embedded sessions to `users` and `user_sessions`, for `migrations` of `db.config.ts` and for the gate of the
 * service. Expired sessions stay behind. At most as many of a user's sessions as the cap allows get a
 * slot and live on, the newest.
 *
 * @example
 * const gate = new MigrationGate(connection, sessionsMigration());
 * const sessions = identity.migrations.sessionsThrough(gate);
 * const check = await sessions.validate(request.cookies.session);
 */
export function sessionsMigration({
  source = "legacy_users",
  phaseLeaseMs = 5 * duration.second,
  retentionMs = 7 * duration.day,
}: SessionsMigrationOptions = {}): SessionsMigration {
  return {
    name: "embedded-sessions",
    source,
    targets: ["users", "user_sessions"],
    phaseLeaseMs,
    retentionMs,
    contract: { unset: ["sessions"] },
    expand: (user, now) => expandAll(user as unknown as LegacyUser, now),
    belongTo: (collection, ids, now) =>
      collection === "users" ? { _id: { $in: ids } } : { userId: { $in: ids }, purgeAt: { $gt: now } },
    ownerOf: (collection, document) => (collection === "users" ? document._id : document.userId),
    canonical: (collection, document) =>
      collection === "users" ? canonicalUser(document) : canonicalSession(document),
    collapse: (targets, user) => collapse(targets, user as Pick<LegacyUser, "_id"> | undefined),
    settle: async (connection, ids, now) => {
      const models = modelsOf(connection);
      for (const id of ids) await settleSlots(models, id as Types.ObjectId, now);
    },
  };
}

// A user with a part that cannot be copied is set aside whole: otherwise some of the user's sessions would be lost silently.
function expandAll(user: LegacyUser, now: Date): MigratedDocument[] {
  const sessionsOfUser = user.sessions ?? [];
  const fault = faultOfUser(user) ?? firstFault(sessionsOfUser);
  if (fault) throw new IdentityError("INVALID_INPUT", fault);
  const kept = sessionsOfUser.filter((session) => purgeAtOf(session) > now);
  const newestFirst = kept
    .filter((session) => isLiveLegacy(session, now))
    .sort((a, b) => b.createdAt.getTime() - a.createdAt.getTime());
  const slots = new Map(newestFirst.slice(0, defaultSessionCap).map((session, slot) => [session, slot]));
  const sessions = kept.map((session) => {
    const slot = slots.get(session);
    return { ...expandSession(user._id, session), ...(slot !== undefined && { claim: { slot } }) };
  });
  return [expandUser(user), ...sessions];
}

function firstFault(sessions: readonly LegacySession[]): string | undefined {
  for (const [at, session] of sessions.entries()) {
    const fault = faultOfSession(session, at);
    if (fault) return fault;
  }
  return undefined;
}

function canonicalUser(user: Plain): Plain {
  const { _id, email, createdAt } = user;
  const { displayName = user["profile.displayName"] } = (user.profile ?? {}) as { displayName?: unknown };
  return { _id, email, createdAt, displayName };
}

// When a session ended the old layout often does not say, so that it is not compared.
function canonicalSession(session: Plain): Plain {
  const { _id, userId, userAgent, createdAt, lastSeenAt, idleExpiresAt } = session;
  const ip = hexOf(session.ip);
  const hashes = [session.handleHash, session.tokenHash, session.legacyTokenHash].map(hexOf);
  const ended = session.revokedAt !== undefined;
  return { _id, userId, hashes, userAgent, ip, createdAt, lastSeenAt, idleExpiresAt, ended };
}

function hexOf(value: unknown): string | undefined {
  const bytes = bytesOf(value);
  return bytes && Buffer.from(bytes).toString("hex");
}
