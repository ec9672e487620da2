import type { QueryFilter, Types } from "mongoose";
import type { Context } from "../context/context.js";
import { IdentityError } from "../core/errors.js";
import type { UserDocument } from "../schemas/user.js";
import type { RevocationReason, UserSessionDocument } from "../schemas/user-session.js";
import { settleRevocations } from "../session-cache/settle.js";

/**
 * Ends the sessions that match and have not been ended yet; they give back their slots. Their purge date stays: it
 * counts from when they would have expired.
 *
 * @returns how many were ended.
 */
export async function endSessions(
  context: Context,
  filter: QueryFilter<UserSessionDocument>,
  reason: RevocationReason,
): Promise<number> {
  const { models, now } = context;
  const { modifiedCount } = await models.UserSession.collection.updateMany(
    { ...(filter as Record<string, unknown>), revokedAt: null },
    { $set: { revokedAt: now, revocationReason: reason }, $unset: { slot: "" } },
  );
  return modifiedCount;
}

/** How a person or a service ends sessions. */
export interface Revocation {
  userId: Types.ObjectId;
  reason?: RevocationReason;
  /**
   * True waits until no instance accepts them from memory any more, however it fares: the longest bound of those that
   * answer from memory. Default: the process that ends them refuses at once, others within their bound.
   */
  settled?: boolean;
}

export async function revokeSession(
  context: Context,
  input: Revocation & { sessionId: Types.ObjectId },
): Promise<boolean> {
  const filter = { _id: input.sessionId, userId: input.userId };
  const ended = await endSessions(context, filter, input.reason ?? "signed_out");
  await settle(context, input);
  return ended === 1;
}

export async function revokeOtherSessions(
  context: Context,
  input: Revocation & { sessionId: Types.ObjectId },
): Promise<number> {
  const filter = { userId: input.userId, _id: { $ne: input.sessionId } };
  const ended = await endSessions(context, filter, input.reason ?? "signed_out_elsewhere");
  await settle(context, input);
  return ended;
}

export async function revokeAllSessions(context: Context, input: Revocation): Promise<number> {
  const every = { userId: input.userId, reason: input.reason ?? ("all_signed_out" as const) };
  const { ended } = await endEverySession(context, every);
  await settle(context, input);
  return ended;
}

async function settle({ models, cache }: Context, { settled = false }: Revocation): Promise<void> {
  if (settled) await settleRevocations(models, cache?.boundMs ?? 0);
}

/** Further changes of {@link endEverySession}. */
export interface EveryEnd {
  userId: Types.ObjectId;
  reason: RevocationReason;
  /** Made to the user in the same write as the generation rises. */
  change?: {
    $set: Partial<
      Pick<
        UserDocument,
        | "email"
        | "emailUndos"
        | "status"
        | "passwordHash"
        | "passwordChangedAt"
        | "passwordResetAt"
        | "emailVerifiedAt"
      >
    > & {
      "passwordReset.usedAt"?: Date;
      "security.ipAllowlist"?: string[];
    };
    $unset?: {
      [Field in
        | "passwordReset"
        | "passwordResetAt"
        | "externalIdentities"
        | "emailVerification"
        | "emailChange"
        | "emailUndos"
        | "messagesAt.passwordReset"]?: "";
    };
  };
  /** A session that goes on, under the new generation. */
  keep?: Types.ObjectId | undefined;
}

/**
 * {@link revokeAllSessions}, with a change to the user, or but for one session.
 *
 * @returns how many were ended, and the generation that holds from now on.
 */
export async function endEverySession(
  context: Context,
  end: EveryEnd,
): Promise<{ ended: number; generation: number }> {
  const { userId, reason, keep } = end;
  const others = { userId, ...(keep && { _id: { $ne: keep } }) };
  const ended = await endSessions(context, others, reason);
  const generation = await raiseGeneration(context, end, {});
  if (generation === undefined) throw new IdentityError("USER_NOT_FOUND", "there is no such user");
  await carryOver(context, end, generation);
  const later = await endSessions(context, others, reason);
  return { ended: ended + later, generation };
}

/** The session that goes on is of the new generation. */
async function carryOver(
  { models }: Context,
  { userId, keep }: Pick<EveryEnd, "userId" | "keep">,
  userGeneration: number,
): Promise<void> {
  if (!keep) return;
  await models.UserSession.collection.updateOne({ _id: keep, userId }, { $set: { userGeneration } });
}

/** A claim that the sessions of a user are of this generation. An absent one is 0. */
export const ofGeneration = (generation: number): Record<string, unknown> => ({
  sessionGeneration: generation > 0 ? generation : { $in: [0, null] },
});

/**
 * {@link endEverySession} for one of several that may try: the sessions that there are under the generation that was
 * seen, and the change as long as the user is as the claim says. What was opened since somebody else's change goes on.
 *
 * @returns how many were ended; `undefined` when the user was not so.
 */
export async function claimAndEndSessions(
  context: Context,
  end: EveryEnd & { claim: Record<string, unknown>; seen: number },
): Promise<number | undefined> {
  const { userId, reason, claim, seen, keep } = end;
  const ended = await endSessionsBefore(context, { userId, reason, keep, generation: seen + 1 });
  const generation = await raiseGeneration(context, end, claim);
  if (generation === undefined) return undefined;
  await carryOver(context, end, generation);
  return ended + (await endSessionsBefore(context, { userId, reason, generation }));
}

/** Sessions of an older generation. An absent one is 0, and nothing is older than that. */
export function openedBefore(generation: number) {
  return { userGeneration: generation > 0 ? { $not: { $gte: generation } } : { $lt: 0 } };
}

/** Ends the sessions of a user that were opened before the generation rose to this one, but for one that is kept. */
export function endSessionsBefore(
  context: Context,
  { userId, reason, keep, generation }: Pick<EveryEnd, "userId" | "reason" | "keep"> & { generation: number },
): Promise<number> {
  const others = { userId, ...(keep && { _id: { $ne: keep } }) };
  return endSessions(context, { ...others, ...openedBefore(generation) }, reason);
}

async function raiseGeneration(
  context: Context,
  { userId, change }: Pick<EveryEnd, "userId" | "change">,
  claim: Record<string, unknown>,
): Promise<number | undefined> {
  const { models, now } = context;
  const raised = await models.User.collection.findOneAndUpdate(
    { ...claim, _id: userId },
    { ...change, $inc: { sessionGeneration: 1 }, $set: { ...change?.$set, updatedAt: now } },
    { returnDocument: "after", projection: { sessionGeneration: 1 } },
  );
  return raised ? Number(raised.sessionGeneration) : undefined;
}
