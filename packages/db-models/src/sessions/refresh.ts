import type { Types } from "mongoose";
import type { Context } from "../context/context.js";
import { assuranceOf, type ProofMethod } from "../core/assurance.js";
import { IdentityError } from "../core/errors.js";
import { limits } from "../core/limits.js";
import type { SessionPolicy } from "../core/policies/sessions.js";
import { currentAfter, isReplacedInGrace } from "../core/rotations.js";
import {
  equalHashes,
  type LocatedToken,
  parseToken,
  sha256,
  succeedToken,
  type Token,
} from "../core/secrets.js";
import { placeOf } from "../queries/place.js";
import { queries } from "../queries/queries.js";
import { findAndUpdate } from "../queries/update.js";
import type { UserSessionDocument } from "../schemas/user-session.js";
import { recordSecurityEvent } from "../security-events/events.js";
import { absoluteExpiryOf, lifetimeExpressions, lifetimesOf, type Session } from "../stored/session.js";
import { findByToken } from "./check/find.js";
import { refusalOf } from "./check/judge.js";
import { expiryAfterUse, purgeAtExpression, sessionPolicyOf } from "./policy.js";
import { proofsAt, withProofs } from "./proofs.js";
import { endSessions } from "./revoke.js";
import type { RefreshResult } from "./types.js";

export async function refreshSession(context: Context, token: unknown): Promise<RefreshResult> {
  const parsed = parseToken("session", token);
  if (!parsed) return { ok: false, reason: "malformed" };
  return (await rotate(context, parsed)) ?? (await answerLoser(context, parsed));
}

async function rotate(context: Context, token: LocatedToken): Promise<RefreshResult | undefined> {
  const { models, now } = context;
  const policy = sessionPolicyOf(context);
  const { successor, seal } = succeedToken("session", token);
  const graceStart = new Date(now.getTime() - policy.rotationGraceMs);
  const claimed = await findAndUpdate(
    models.UserSession,
    {
      ...queries.sessionById(placeOf(token)).filter,
      tokenHash: sha256(token.raw),
      ...liveAt(now),
      ...hasRoom(graceStart),
    },
    [rotation(sha256(successor.raw), seal, now, { ...policy, graceStart })],
    { returnDocument: "after", projection: { userId: 1, ...expiryProjection } },
  );
  return claimed ? refreshed({ ...claimed, ...expiryOf(claimed) }, successor, false) : undefined;
}

const expiryProjection = { createdAt: 1, idleExpiresAt: 1, absoluteLifetimeMs: 1 } as const;

function expiryOf(stored: Pick<UserSessionDocument, keyof typeof expiryProjection>) {
  return { idleExpiresAt: stored.idleExpiresAt, absoluteExpiresAt: absoluteExpiryOf(stored) };
}

/** A live session of which there may be another token: an impersonation keeps the one that it has. */
function liveAt(now: Date) {
  return { revokedAt: null, slot: { $gte: 0 }, idleExpiresAt: { $gt: now }, "impersonation.actor": null };
}

/**
 * Not while one more rotation would push out a token that is still in its grace. The current token is then answered
 * with itself, so that a retry of any of them is never taken for theft.
 */
function hasRoom(graceStart: Date) {
  const last = `rotations.${limits.tokenRotations - 1}`;
  const full = { [last]: { $exists: true }, "rotations.0.rotatedAt": { $gt: graceStart } };
  // Within $and: beside the unique key a $nor may cost a read of the whole collection (SecantusDB).
  return { $and: [{ $nor: [full] }] };
}

function rotation(
  tokenHash: Buffer,
  sealedSuccessor: Buffer,
  now: Date,
  { graceStart, retentionMs }: SessionPolicy & { graceStart: Date },
) {
  const stored = { $ifNull: ["$rotations", []] };
  const inGrace = { $filter: { input: stored, cond: { $gt: ["$$this.rotatedAt", graceStart] } } };
  return {
    $set: {
      tokenHash,
      rotations: { $concatArrays: [inGrace, [{ tokenHash: "$tokenHash", sealedSuccessor, rotatedAt: now }]] },
      ...rotatedAndUsed(now, retentionMs),
    },
  };
}

function rotatedAndUsed(now: Date, retentionMs: number) {
  const { idleTimeoutMs, absoluteLifetimeMs } = lifetimeExpressions;
  const idleExpiresMs = {
    $min: [
      { $add: [now.getTime(), idleTimeoutMs] },
      { $add: [{ $toLong: "$createdAt" }, absoluteLifetimeMs] },
    ],
  };
  return {
    generation: { $add: [{ $ifNull: ["$generation", 0] }, 1] },
    lastSeenAt: now,
    idleExpiresAt: { $toDate: idleExpiresMs },
    purgeAt: purgeAtExpression({ $add: [idleExpiresMs, retentionMs] }),
  };
}

/** A session after its user proved again who they are. */
export interface RenewedSession {
  id: Types.ObjectId;
  /** The bearer token from now on, here and never again. */
  token: string;
  idleExpiresAt: Date;
  absoluteExpiresAt: Date;
}

/** `not_live`: the token belongs to no live session of the user. */
export type SessionRenewal = { ok: true; session: RenewedSession } | { ok: false; reason: "not_live" };

export function renewSession(
  context: Context,
  { userId, token }: { userId: Types.ObjectId; token: unknown },
): Promise<SessionRenewal> {
  return renewBy(context, { userId, token, proofs: [] });
}

export interface StepUpInput {
  userId: Types.ObjectId;
  /** As presented: the current one, or one in its grace. */
  token: unknown;
  /** Authentication methods that the user has just completed, at least one; a mailed code is not among them. */
  proofs: readonly ProofMethod[];
  /**
   * Ends what the session is stepped up for, such as a code that counts once. It is called when the session is; what it
   * throws is passed on, and the session and its token are as they were before.
   */
  claim?: () => Promise<void>;
}

export async function stepUpSession(context: Context, input: StepUpInput): Promise<SessionRenewal> {
  // A mailed code would count as recent authentication for who has nothing but the mailbox.
  if (assuranceOf(proofsAt(input.proofs, context.now)) === 0) {
    throw new IdentityError("INVALID_INPUT", "proofs: must have a method other than email");
  }
  return renewBy(context, input);
}

async function renewBy(
  context: Context,
  { userId, token: presented, proofs, claim }: StepUpInput,
): Promise<SessionRenewal> {
  const { models, now } = context;
  const token = parseToken("session", presented);
  if (!token) return { ok: false, reason: "not_live" };
  const policy = sessionPolicyOf(context);
  const { rotationGraceMs, retentionMs } = policy;
  const tokenHash = sha256(token.raw);
  const rotatedAt = { $gt: new Date(now.getTime() - rotationGraceMs) };
  const isGood = [{ tokenHash }, { rotations: { $elemMatch: { tokenHash, rotatedAt } } }];
  const { successor } = succeedToken("session", token);
  const nextHash = sha256(successor.raw);
  const before = await findAndUpdate(
    models.UserSession,
    {
      _id: placeOf(token).id,
      userId,
      ...liveAt(now),
      // Within $and: beside the unique key a $or may cost a read of the whole collection (SecantusDB).
      $and: [{ $or: isGood }],
    },
    [
      {
        $set: {
          tokenHash: nextHash,
          rotations: "$$REMOVE",
          authenticatedAt: now,
          ...(proofs.length > 0 && { proofs: withProofs(proofs, now) }),
          ...rotatedAndUsed(now, retentionMs),
        },
      },
    ],
    { returnDocument: "before", projection: renewalProjection },
  );
  if (!before) return { ok: false, reason: "not_live" };
  try {
    await claim?.();
  } catch (error) {
    await putBack(context, before, nextHash);
    throw error;
  }
  const lifetimes = lifetimesOf(before);
  const { idleExpiresAt } = expiryAfterUse(lifetimes, now, policy);
  const { absoluteExpiresAt } = lifetimes;
  return { ok: true, session: { id: before._id, token: successor.raw, idleExpiresAt, absoluteExpiresAt } };
}

/** What a renewal changes and its undoing needs, and what its expiry follows from. */
const renewalProjection = {
  userId: 1,
  tokenHash: 1,
  rotations: 1,
  authenticatedAt: 1,
  proofs: 1,
  createdAt: 1,
  idleTimeoutMs: 1,
  absoluteLifetimeMs: 1,
} as const;

/** Undoes a renewal whose token nobody has; an end of the session that came since stays. */
async function putBack(
  { models }: Context,
  { _id, userId, tokenHash, ...former }: Pick<UserSessionDocument, "_id" | keyof typeof renewalProjection>,
  renewedHash: Buffer,
): Promise<void> {
  const { rotations, authenticatedAt, proofs } = former;
  const fields = Object.entries({ rotations, authenticatedAt, proofs });
  const kept = fields.filter(([, value]) => value !== undefined);
  const absent = fields.filter(([, value]) => value === undefined).map(([name]) => [name, ""]);
  await models.UserSession.collection.updateOne(
    { _id, userId, tokenHash: renewedHash },
    {
      $set: { tokenHash, ...Object.fromEntries(kept) },
      ...(absent.length > 0 && { $unset: Object.fromEntries(absent) }),
    },
  );
}

/** The answer to a token that could not be claimed: a retry, a refusal, or the alarm. */
async function answerLoser(context: Context, token: LocatedToken): Promise<RefreshResult> {
  const { models, now } = context;
  const policy = sessionPolicyOf(context);
  const session = await findByToken(models, token);
  if (!session) return { ok: false, reason: "unknown" };
  const reason = refusalOf(session, now);
  if (reason) return { ok: false, reason };
  if (session.impersonation) return { ok: false, reason: "impersonated" };
  const current = currentOf(session, token, now, policy);
  if (current) return refreshed(session, current, true);
  await endReused(context, session);
  return { ok: false, reason: "reused" };
}

/** The session's current token, for a caller with that token or an earlier one within its grace period. */
function currentOf(
  { tokenHash, rotations }: Session,
  token: LocatedToken,
  now: Date,
  policy: SessionPolicy,
): LocatedToken | undefined {
  const presented = sha256(token.raw);
  if (equalHashes(presented, tokenHash)) return token;
  const isGood = isReplacedInGrace(rotations, presented, now, policy.rotationGraceMs);
  return isGood ? currentAfter("session", rotations, token) : undefined;
}

async function endReused(context: Context, session: Session): Promise<void> {
  const ended = await endSessions(context, { _id: session._id, userId: session.userId }, "reuse_detected");
  if (ended === 0) return;
  await recordSecurityEvent(context, {
    userId: session.userId,
    kind: "reuse_detected",
    severity: "critical",
    sessionId: session._id,
    ...(session.network && { network: session.network }),
    device: session.device.label,
  });
}

function refreshed(
  session: Pick<Session, "_id" | "userId" | "idleExpiresAt" | "absoluteExpiresAt">,
  token: Token,
  retried: boolean,
): RefreshResult {
  return {
    ok: true,
    sessionId: session._id,
    userId: session.userId,
    token: token.raw,
    retried,
    idleExpiresAt: session.idleExpiresAt,
    absoluteExpiresAt: session.absoluteExpiresAt,
  };
}
