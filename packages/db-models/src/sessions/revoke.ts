import type { QueryFilter, Types } from "mongoose";
import { IdentityError } from "../core/errors.js";
import type { IdentityModels } from "../schemas/models.js";
import type { UserDocument } from "../schemas/user.js";
import type { RevocationReason, UserSessionDocument } from "../schemas/user-session.js";

/**
 * Ends the sessions that match and have not been ended yet; they give back their slots. Their purge date stays: it
 * counts from when they would have expired.
 *
 * @returns how many were ended.
 */
export async function endSessions(
  models: IdentityModels,
  filter: QueryFilter<UserSessionDocument>,
  reason: RevocationReason,
  now: Date,
): Promise<number> {
  const { modifiedCount } = await models.UserSession.collection.updateMany(
    { ...(filter as Record<string, unknown>), revokedAt: null },
    { $set: { revokedAt: now, revocationReason: reason }, $unset: { slot: "" } },
  );
  return modifiedCount;
}

/**
 * Ends one session of a user. Ending one that has already ended is no error (RFC 7009 section 2.2).
 *
 * @returns true when this call ended it.
 */
export async function revokeSession(
  models: IdentityModels,
  input: { userId: Types.ObjectId; sessionId: Types.ObjectId; reason?: RevocationReason },
  now: Date,
): Promise<boolean> {
  const filter = { _id: input.sessionId, userId: input.userId };
  return (await endSessions(models, filter, input.reason ?? "signed_out", now)) === 1;
}

/**
 * Ends every session of a user but one.
 *
 * @returns how many were ended.
 */
export function revokeOtherSessions(
  models: IdentityModels,
  input: { userId: Types.ObjectId; sessionId: Types.ObjectId; reason?: RevocationReason },
  now: Date,
): Promise<number> {
  const filter = { userId: input.userId, _id: { $ne: input.sessionId } };
  return endSessions(models, filter, input.reason ?? "signed_out_elsewhere", now);
}

/**
 * Ends every session of a user, those of logins under way included: what there is ends first, then the generation
 * rises, and whatever was inserted under the older one meanwhile ends last. A crash in between leaves no session that
 * existed at the call; calling again completes it.
 *
 * @returns how many were ended.
 * @throws IdentityError `USER_NOT_FOUND`.
 */
export async function revokeAllSessions(
  models: IdentityModels,
  input: { userId: Types.ObjectId; reason?: RevocationReason },
  now: Date,
): Promise<number> {
  const every = { userId: input.userId, reason: input.reason ?? ("all_signed_out" as const) };
  return (await endEverySession(models, every, now)).ended;
}

/** What {@link endEverySession} does besides. */
export interface EveryEnd {
  userId: Types.ObjectId;
  reason: RevocationReason;
  /** Made to the user in the same write as the generation rises. */
  change?: {
    $set: Partial<Pick<UserDocument, "status" | "passwordHash" | "passwordChangedAt" | "emailVerifiedAt">> & {
      "passwordReset.usedAt"?: Date;
      "security.ipAllowlist"?: string[];
    };
    $unset?: { passwordReset?: ""; externalIdentities?: "" };
  };
  /** A session that goes on, under the new generation. */
  keep?: Types.ObjectId;
}

/**
 * {@link revokeAllSessions}, with a change to the user, or but for one session.
 *
 * @returns how many were ended, and the generation that holds from now on.
 */
export async function endEverySession(
  models: IdentityModels,
  end: EveryEnd,
  now: Date,
): Promise<{ ended: number; generation: number }> {
  const { userId, reason, keep } = end;
  const others = { userId, ...(keep && { _id: { $ne: keep } }) };
  const ended = await endSessions(models, others, reason, now);
  const generation = await raiseGeneration(models, end, {}, now);
  if (generation === undefined) throw new IdentityError("USER_NOT_FOUND", "there is no such user");
  if (keep) {
    await models.UserSession.collection.updateOne(
      { _id: keep, userId },
      { $set: { userGeneration: generation } },
    );
  }
  const later = await endSessions(models, others, reason, now);
  return { ended: ended + later, generation };
}

/**
 * {@link endEverySession} for one of several that may try: the sessions that there are under the generation that was
 * seen, and the change as long as the user is as the claim says. What was opened since somebody else's change goes on.
 *
 * @returns how many were ended; `undefined` when the user was not so.
 */
export async function claimAndEndSessions(
  models: IdentityModels,
  end: Omit<EveryEnd, "keep"> & { claim: Record<string, unknown>; seen: number },
  now: Date,
): Promise<number | undefined> {
  const { userId, reason, claim, seen } = end;
  const ended = await endSessionsBefore(models, { userId, reason, generation: seen + 1 }, now);
  const generation = await raiseGeneration(models, end, claim, now);
  if (generation === undefined) return undefined;
  return ended + (await endSessionsBefore(models, { userId, reason, generation }, now));
}

/** Ends the sessions of a user that were opened before the generation rose to this one. */
export function endSessionsBefore(
  models: IdentityModels,
  { userId, reason, generation }: Pick<EveryEnd, "userId" | "reason"> & { generation: number },
  now: Date,
): Promise<number> {
  return endSessions(models, { userId, userGeneration: { $lt: generation } }, reason, now);
}

async function raiseGeneration(
  models: IdentityModels,
  { userId, change }: Pick<EveryEnd, "userId" | "change">,
  claim: Record<string, unknown>,
  now: Date,
): Promise<number | undefined> {
  const raised = await models.User.collection.findOneAndUpdate(
    { ...claim, _id: userId },
    { ...change, $inc: { sessionGeneration: 1 }, $set: { ...change?.$set, updatedAt: now } },
    { returnDocument: "after", projection: { sessionGeneration: 1 } },
  );
  return raised ? Number(raised.sessionGeneration) : undefined;
}
