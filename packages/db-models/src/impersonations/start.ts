import { randomBytes } from "node:crypto";
import type { Types } from "mongoose";
import { z } from "zod";
import { auditInputSchema } from "../audit/input.js";
import type { Context } from "../context/context.js";
import { IdentityError } from "../core/errors.js";
import { parseInput, printable } from "../core/input.js";
import { limits } from "../core/limits.js";
import type { LocatedToken } from "../core/secrets.js";
import { endOfImpersonation, isOwnSession, mayImpersonate } from "../impersonators/live.js";
import { administratorsOf } from "../queries/administrators.js";
import { queries } from "../queries/queries.js";
import { findByQuery } from "../queries/run-query.js";
import { assertKnownVersion, currentSchemaVersion } from "../schemas/parts/version.js";
import type { UserDocument } from "../schemas/user.js";
import { impersonationSlot } from "../schemas/user-session.js";
import { mintSession } from "../sessions/mint.js";
import { purgeAtAfter, sessionPolicyOf } from "../sessions/policy.js";
import { SlotClaim } from "../sessions/room.js";
import { settleOpened } from "../sessions/settle.js";
import { absoluteExpiryOf } from "../stored/session.js";
import { endEvent, type StoredImpersonation } from "./summary.js";
import { tell } from "./tell.js";

export interface ImpersonationInput {
  /** The user for whom the administrator is to act. */
  userId: Types.ObjectId;
  /** The administrator. */
  actor: Types.ObjectId;
  /** The administrator's own session, with which the impersonation ends. */
  actorSession: Types.ObjectId;
  /** One line, at most 200 characters, without the id of either; the user can read it. */
  reason: string;
  /** Milliseconds, 30 minutes at most. Default: as many. It lasts no longer than the administrator's session would now. */
  lifetimeMs?: number;
  /** Roles of the application whose users nobody acts for. Default: none. */
  protectedRoles?: readonly string[];
}

/**
 * `not_allowed`: the administrator lacks the role, or the session is not a live one of their own. `protected`: the user is the
 * administrator, another administrator, or has a protected role. `in_progress`: somebody acts for the user already.
 */
export type ImpersonationRefusal = "not_allowed" | "protected" | "in_progress";

export type ImpersonationStart =
  | {
      ok: true;
      id: Types.ObjectId;
      /** The bearer token, here and never again. */
      token: string;
      expiresAt: Date;
    }
  | { ok: false; reason: ImpersonationRefusal };

const inputSchema = z.strictObject({
  reason: printable(limits.reason),
  lifetimeMs: z.int().min(1_000).max(limits.impersonationMs).default(limits.impersonationMs),
});

type Target = Pick<UserDocument, "_id" | "status" | "roles" | "sessionGeneration" | "schemaVersion">;

export async function startImpersonation(
  context: Context,
  { userId, actor, actorSession, protectedRoles = [], ...given }: ImpersonationInput,
): Promise<ImpersonationStart> {
  const { models, now } = context;
  const { reason, lifetimeMs } = parseInput(inputSchema, given);
  // An end that the trail would refuse could never be recorded.
  parseInput(auditInputSchema, endEvent({ id: actorSession, userId, actor, reason }, "signed_out"));
  const [own, members, user] = await Promise.all([
    findByQuery(models, queries.sessionById({ ownerId: actor, id: actorSession })),
    administratorsOf(models),
    readTarget(context, userId),
  ]);
  const isProtected = actor.equals(userId) || user.roles.some((role) => protectedRoles.includes(role));
  if (isProtected || members.some((one) => one.userId.equals(userId))) {
    return { ok: false, reason: "protected" };
  }
  if (!isOwnSession(own, now) || !mayImpersonate(members, { actor, userId })) {
    return { ok: false, reason: "not_allowed" };
  }
  const latest = Math.min(own.idleExpiresAt.getTime(), absoluteExpiryOf(own).getTime());
  const expiresAt = new Date(Math.min(now.getTime() + lifetimeMs, latest));
  const impersonation = { actor, actorSession, reason, sweepAt: now };
  const { session, token } = describeSession(context, user, { impersonation, expiresAt });
  await freeSlot(context, userId);
  if (!(await claimSlot(context, session))) return { ok: false, reason: "in_progress" };
  if (!(await settle(context, session))) return { ok: false, reason: "not_allowed" };
  return { ok: true, id: session._id, token: token.raw, expiresAt };
}

async function claimSlot({ models }: Context, session: StoredImpersonation): Promise<boolean> {
  const claim = new SlotClaim(models, session);
  let isTaken = false;
  try {
    isTaken = await claim.take(impersonationSlot);
  } finally {
    if (!isTaken) await claim.abandon();
  }
  return isTaken;
}

/**
 * Checks once more what the decision was made from, now that a change would end the session, and tells the user. One that
 * can't begin leaves nothing: nobody has its token.
 *
 * @returns false when the administrator may not any more.
 */
async function settle(context: Context, session: StoredImpersonation): Promise<boolean> {
  const { _id, userId } = session;
  let hasBegun = false;
  try {
    await settleOpened(context, session);
    if (await endOfImpersonation(context, session)) return false;
    await tell(context, session, "impersonation_started");
    hasBegun = true;
  } finally {
    if (!hasBegun) await context.models.UserSession.collection.deleteOne({ _id, userId });
  }
  return hasBegun;
}

async function readTarget({ models }: Context, userId: Types.ObjectId): Promise<Target> {
  const projection = { status: 1, roles: 1, sessionGeneration: 1, schemaVersion: 1 };
  const user = await models.User.collection.findOne<Target>({ _id: userId }, { projection });
  if (!user) throw new IdentityError("USER_NOT_FOUND", "there is no such user");
  assertKnownVersion(user);
  const { status } = user;
  if (status === "active") return user;
  throw new IdentityError("USER_NOT_ACTIVE", "the account is not active", { details: { status } });
}

/** It knows no address and no device: they would be the administrator's, and tell of the user what is not true. */
function describeSession(
  context: Context,
  user: Target,
  { impersonation, expiresAt }: Pick<StoredImpersonation, "impersonation"> & { expiresAt: Date },
): { session: StoredImpersonation; token: LocatedToken } {
  const { now } = context;
  const { minted, token } = mintSession(user);
  const lifetimeMs = expiresAt.getTime() - now.getTime();
  const session: StoredImpersonation = {
    ...minted,
    // No device of anybody's.
    deviceHash: randomBytes(16),
    impersonation,
    createdAt: now,
    lastSeenAt: now,
    // Use does not prolong it.
    idleTimeoutMs: lifetimeMs,
    absoluteLifetimeMs: lifetimeMs,
    idleExpiresAt: expiresAt,
    purgeAt: purgeAtAfter(expiresAt.getTime() + sessionPolicyOf(context).retentionMs),
    schemaVersion: currentSchemaVersion,
  };
  return { session, token };
}

/** Takes the slot from one that has expired, as a sign-in does it with the others. */
async function freeSlot({ models, now }: Context, userId: Types.ObjectId): Promise<void> {
  await models.UserSession.collection.updateMany(
    { userId, slot: impersonationSlot, idleExpiresAt: { $lte: now } },
    { $unset: { slot: "" } },
  );
}
