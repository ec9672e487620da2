import type { Types } from "mongoose";
import type { Context } from "../context/context.js";
import {
  type AssuranceLevel,
  type AuthenticationMethod,
  amrOf,
  assuranceOf,
  type Proof,
} from "../core/assurance.js";
import { wrongClockMs } from "../core/clock.js";
import type { SessionPolicy } from "../core/policies/sessions.js";
import { isReplacedInGrace } from "../core/rotations.js";
import { equalHashes, parseToken, sha256, type Token } from "../core/secrets.js";
import { queries } from "../queries/queries.js";
import { findByQuery } from "../queries/run-query.js";
import type { IdentityModels } from "../schemas/models.js";
import { assertKnownVersion } from "../schemas/parts/version.js";
import type { RiskAssessment, UserSessionDocument } from "../schemas/user-session.js";
import { expiryAfterUse, sessionPolicyOf } from "./policy.js";
import type { SessionRefusal } from "./types.js";

/** Facts about the session of a request. */
export interface ActiveSession {
  id: Types.ObjectId;
  userId: Types.ObjectId;
  roles: string[];
  scopes: string[];
  risk: RiskAssessment;
  /** When the user last proved who they are. */
  authenticatedAt: Date;
  /** The user's proofs in this session, each method with its last time. */
  proofs: Proof[];
  /** The methods of {@link proofs} in RFC 8176's values. */
  amr: AuthenticationMethod[];
  /** The level that {@link proofs} reach together. */
  acr: AssuranceLevel;
  createdAt: Date;
  /** The cookie's expiry: it and the document end together. */
  idleExpiresAt: Date;
  absoluteExpiresAt: Date;
}

export type SessionCheck =
  | { ok: true; session: ActiveSession; touched: boolean }
  | { ok: false; reason: SessionRefusal };

export interface ValidationOptions {
  /** False leaves the use unnoted: the check writes nothing, and the idle expiry does not move. Default true. */
  touch?: boolean;
}

/** The fields of a session that a check reads. */
export type CheckedSession = Pick<
  UserSessionDocument,
  | "_id"
  | "userId"
  | "tokenHash"
  | "rotations"
  | "roles"
  | "scopes"
  | "risk"
  | "authenticatedAt"
  | "proofs"
  | "createdAt"
  | "lastSeenAt"
  | "idleTimeoutMs"
  | "idleExpiresAt"
  | "absoluteExpiresAt"
  | "revokedAt"
  | "slot"
  | "schemaVersion"
>;

export async function validateSession(
  context: Context,
  token: unknown,
  options: ValidationOptions = {},
): Promise<SessionCheck> {
  return checkToken(context, parseToken("session", token), options);
}

/** Decision of {@link validateSession} on a token that has been read; an absent one is malformed. */
export async function checkToken(
  context: Context,
  token: Token | undefined,
  { touch = true }: ValidationOptions = {},
): Promise<SessionCheck> {
  if (!token) return { ok: false, reason: "malformed" };
  const { models, now } = context;
  const session = await findChecked(models, token);
  const reason = refusalOfToken(session, token, now, sessionPolicyOf(context));
  if (reason || !session) return { ok: false, reason: reason ?? "unknown" };
  const idleExpiresAt = touch ? await touchIfDue(context, session) : undefined;
  return {
    ok: true,
    session: activeSession(session, idleExpiresAt),
    touched: idleExpiresAt !== undefined,
  };
}

/** The session that a token's handle leads to. */
export function findChecked(
  models: IdentityModels,
  token: Pick<Token, "handle">,
): Promise<CheckedSession | undefined> {
  // Whole: to leave out what isn't read here costs a server more than to send the few hundred bytes.
  return findByQuery(models, queries.sessionByHandle(sha256(token.handle)));
}

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
  session: Pick<UserSessionDocument, "revokedAt" | "idleExpiresAt" | "absoluteExpiresAt" | "slot">,
  now: Date,
): SessionRefusal | undefined {
  if (session.revokedAt) return "revoked";
  if (session.absoluteExpiresAt <= now) return "absolute_expired";
  // Without a slot another login, by a clock ahead of ours, has already seen it expired.
  if (session.idleExpiresAt <= now || session.slot === undefined) return "idle_expired";
  return undefined;
}

function tokenRefusal(
  session: CheckedSession,
  token: Token,
  now: Date,
  policy: SessionPolicy,
): SessionRefusal | undefined {
  const tokenHash = sha256(token.raw);
  if (equalHashes(tokenHash, session.tokenHash)) return undefined;
  const isGood = isReplacedInGrace(session.rotations, tokenHash, now, policy.rotationGraceMs);
  return isGood ? undefined : "rotated";
}

// The filter on lastSeenAt lets one of many parallel requests write.
async function touchIfDue(context: Context, session: CheckedSession): Promise<Date | undefined> {
  const { models, now } = context;
  const policy = sessionPolicyOf(context);
  const sinceMs = now.getTime() - session.lastSeenAt.getTime();
  // Seen more than a week ahead is what a wrong clock wrote: it is put right, and the idle expiry with it.
  if (sinceMs < policy.touchIntervalMs && sinceMs > -wrongClockMs) return undefined;
  const expiry = expiryAfterUse(session, now, policy);
  await models.UserSession.collection.updateOne(
    { _id: session._id, lastSeenAt: session.lastSeenAt, revokedAt: null, slot: { $gte: 0 } },
    { $set: { lastSeenAt: now, ...expiry } },
  );
  return expiry.idleExpiresAt;
}

/** The facts about a session that a service receives. */
export function activeSession(session: CheckedSession, touchedExpiry: Date | undefined): ActiveSession {
  const { proofs = [] } = session;
  return {
    id: session._id,
    userId: session.userId,
    roles: session.roles,
    scopes: session.scopes,
    risk: session.risk,
    authenticatedAt: session.authenticatedAt,
    proofs,
    amr: amrOf(proofs),
    acr: assuranceOf(proofs),
    createdAt: session.createdAt,
    idleExpiresAt: touchedExpiry ?? session.idleExpiresAt,
    absoluteExpiresAt: session.absoluteExpiresAt,
  };
}
