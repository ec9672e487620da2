import { addressText } from "../core/network.js";
import type { UserDocument } from "../schemas/user.js";
import type { UserSessionDocument } from "../schemas/user-session.js";
import { absoluteExpiryOf } from "../stored/session.js";
import { bytesOf } from "./bytes.js";
import type { LegacySession, LegacyUser } from "./types.js";

/** An idempotent change to the old layout. */
export interface LegacyWrite {
  filter: Record<string, unknown>;
  update: Record<string, unknown>;
  upsert?: boolean;
}

/** A user of `users` in the old layout: made when missing, brought up to date when older. */
function collapseUser(
  user: Pick<UserDocument, "_id" | "email" | "profile" | "createdAt" | "updatedAt">,
): LegacyWrite[] {
  const { _id, email, profile, createdAt, updatedAt } = user;
  const name = profile.displayName;
  return [
    {
      filter: { _id },
      update: { $setOnInsert: { email, createdAt, updatedAt, sessions: [], ...(name && { name }) } },
      upsert: true,
    },
    {
      filter: { _id, updatedAt: { $lt: updatedAt } },
      update: { $set: { email, updatedAt, ...(name && { name }) }, ...(!name && { $unset: { name: "" } }) },
    },
  ];
}

/**
 * A session of `user_sessions` in the old layout. Its token is not known here, so that its hashes are what the old
 * layout finds it by; one that came from there keeps its token. Both sides only ever rise: the later activity stays,
 * and what has ended on one has ended.
 */
function collapseSession(session: UserSessionDocument): LegacyWrite[] {
  const { _id, userId, lastSeenAt, idleExpiresAt, revokedAt } = session;
  return [
    {
      filter: { _id: userId, "sessions._id": { $ne: _id } },
      update: { $push: { sessions: elementOf(session) } },
    },
    {
      filter: { _id: userId, "sessions._id": _id },
      update: {
        $max: { "sessions.$.lastActivity": lastSeenAt, "sessions.$.expiresAt": idleExpiresAt },
        ...(revokedAt && {
          $set: { "sessions.$.active": false },
          $min: { "sessions.$.revokedAt": revokedAt },
        }),
      },
    },
  ];
}

function elementOf(session: UserSessionDocument): LegacySession {
  const ip = bytesOf(session.ip);
  const { _id, handleHash, tokenHash, userAgent, createdAt, lastSeenAt, revokedAt } = session;
  return {
    _id,
    ...(handleHash && tokenHash && { handleHash, tokenHash }),
    ...(userAgent !== undefined && { userAgent }),
    ...(ip && { ip: addressText(ip) }),
    createdAt,
    lastActivity: lastSeenAt,
    expiresAt: session.idleExpiresAt,
    absoluteExpiresAt: absoluteExpiryOf(session),
    active: revokedAt === undefined,
    ...(revokedAt && { revokedAt }),
  };
}

/** Everything that the new layout has of a user, in the old one. */
export function collapse(
  targets: ReadonlyMap<string, readonly Record<string, unknown>[]>,
  source: Pick<LegacyUser, "_id"> | undefined,
): LegacyWrite[] {
  const users = (targets.get("users") ?? []) as unknown as UserDocument[];
  // Sessions that nobody owns any more have nowhere to go.
  if (users.length === 0 && !source) return [];
  const sessions = (targets.get("user_sessions") ?? []) as unknown as UserSessionDocument[];
  return [...users.flatMap(collapseUser), ...sessions.flatMap(collapseSession)];
}
