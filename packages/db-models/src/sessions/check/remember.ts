import { mongo } from "mongoose";
import type { Context } from "../../context/context.js";
import { wrongClockMs } from "../../core/clock.js";
import { isInGrace, rotationOf } from "../../core/rotations.js";
import type { RememberedSession } from "../../session-cache/remembered.js";
import { subjectsOfDocument } from "../../session-cache/subjects.js";
import type { Kept } from "../../session-cache/table.js";
import type { Session } from "../../stored/session.js";

type ReadSession = Omit<RememberedSession, "replacedAt"> & Pick<Session, "rotations" | "impersonation">;

/** What memory keeps of a session that has just been accepted, for one of its tokens; `undefined` for nothing. */
export function rememberSession(
  { now, models }: Context,
  session: ReadSession,
  tokenHash: Buffer,
): Kept<RememberedSession> | undefined {
  // Each use of an impersonation is decided by the state of two people, at that moment.
  if (session.impersonation) return undefined;
  // The next use puts it right, which brings its expiry nearer: others would not be told.
  if (session.lastSeenAt.getTime() - now.getTime() >= wrongClockMs) return undefined;
  const { _id, userId, roles, scopes, risk, proofs, authenticatedAt, createdAt } = session;
  const { lastSeenAt, idleTimeoutMs, idleExpiresAt, absoluteExpiresAt, slot } = session;
  const replaced = rotationOf(session.rotations, tokenHash);
  const value: RememberedSession = {
    _id,
    userId,
    roles,
    scopes,
    risk,
    ...(proofs && { proofs }),
    authenticatedAt,
    createdAt,
    lastSeenAt,
    idleTimeoutMs,
    idleExpiresAt,
    absoluteExpiresAt,
    ...(slot !== undefined && { slot }),
    ...(replaced && { replacedAt: replaced.rotatedAt }),
  };
  return {
    value,
    subjects: subjectsOfDocument(models.UserSession.collection.name, session),
    bytes: mongo.BSON.calculateObjectSize(value),
  };
}

/** Whether the token that memory keeps a session for is good: it is the current one, or was replaced a moment ago. */
export function isRememberedGood({ now, policies }: Context, { replacedAt }: RememberedSession): boolean {
  if (!replacedAt) return true;
  return isInGrace({ rotatedAt: replacedAt }, now, policies.sessions.rotationGraceMs);
}
