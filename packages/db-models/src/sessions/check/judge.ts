// Whether a session stands for a token at a moment. Pure.
import { isOver } from "../../core/clock.js";
import type { SessionPolicy } from "../../core/policies/sessions.js";
import { isReplacedInGrace } from "../../core/rotations.js";
import { equalHashes, sha256, type Token } from "../../core/secrets.js";
import { assertKnownVersion } from "../../schemas/parts/version.js";
import type { RememberedSession } from "../../session-cache/remembered.js";
import type { Session } from "../../stored/session.js";
import type { SessionRefusal } from "../types.js";

/** The fields of a session that a check reads. */
export type CheckedSession = Omit<RememberedSession, "replacedAt"> &
  Pick<
    Session,
    | "handleHash"
    | "tokenHash"
    | "legacyTokenHash"
    | "rotations"
    | "revokedAt"
    | "impersonation"
    | "schemaVersion"
  >;

/** Why a session, or none, does not stand for a token at this moment; `undefined` when it does. */
export function refusalOfToken(
  session: CheckedSession | undefined,
  token: Token,
  now: Date,
  rules: SessionPolicy,
): SessionRefusal | undefined {
  if (!session) return "unknown";
  assertKnownVersion(session);
  return refusalOf(session, now) ?? tokenRefusal(session, token, now, rules);
}

/** Why a session is not live at this moment, whatever the token; `undefined` when it is. */
export function refusalOf(
  session: Pick<Session, "revokedAt" | "idleExpiresAt" | "absoluteExpiresAt" | "slot">,
  now: Date,
): SessionRefusal | undefined {
  if (session.revokedAt) return "revoked";
  if (isOver(session.absoluteExpiresAt, now)) return "absolute_expired";
  // Without a slot another login, by a clock ahead of ours, has already seen it expired.
  if (isOver(session.idleExpiresAt, now) || session.slot === undefined) return "idle_expired";
  return undefined;
}

function tokenRefusal(
  session: CheckedSession,
  token: Token,
  now: Date,
  policy: SessionPolicy,
): SessionRefusal | undefined {
  const tokenHash = sha256(token.raw);
  if (equalHashes(tokenHash, session.tokenHash ?? session.legacyTokenHash)) return undefined;
  const isGood = isReplacedInGrace(session.rotations, tokenHash, now, policy.rotationGraceMs);
  return isGood ? undefined : "rotated";
}
