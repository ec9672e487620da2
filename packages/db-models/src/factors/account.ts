import type { Types } from "mongoose";
import type { Context } from "../context/context.js";
import { type AssuranceLevel, recentAssurance } from "../core/assurance.js";
import { queries } from "../queries/queries.js";
import { findByQuery } from "../queries/run-query.js";
import { assertKnownVersion } from "../schemas/parts/version.js";
import type { UserFactorsDocument } from "../schemas/user-factors.js";
import { recordSecurityEvent } from "../security-events/events.js";
import type { ActiveSession } from "../sessions/validate.js";

/** The session in which factors are changed, as `sessions.validate` has just returned it. */
export type FactorSession = Pick<ActiveSession, "id" | "userId" | "proofs">;

/** `needed` is the level that proofs of the last minutes must reach: see `reauthenticationMs`. */
export interface ReauthenticationRequired {
  ok: false;
  reason: "reauthentication_required";
  needed: AssuranceLevel;
}

/** The second factors of an account, without anything secret. */
export interface AccountFactors {
  totp?: { confirmedAt: Date; lastUsedAt: Date };
  /** Recovery codes that are unused. */
  recoveryCodes: number;
}

export async function readFactors(
  context: Context,
  { userId }: { userId: Types.ObjectId },
): Promise<AccountFactors> {
  const factors = await findFactors(context, userId);
  const { totp, recoveryCodes = [] } = factors ?? {};
  return {
    ...(totp && { totp: { confirmedAt: totp.confirmedAt, lastUsedAt: totp.lastUsedAt } }),
    recoveryCodes: recoveryCodes.length,
  };
}

/** The document of a user's factors; `undefined` for none. */
export async function findFactors(
  { models }: Context,
  userId: Types.ObjectId,
): Promise<UserFactorsDocument | undefined> {
  const factors = await findByQuery(models, queries.factorsOfUser(userId));
  if (factors) assertKnownVersion(factors);
  return factors;
}

/**
 * The refusal of a change to factors by a session whose user has not proved who they are of late: by two factors where
 * there is one already, or a thief with the password could put their own in its place.
 */
export function refusalOfChange(
  { now, policies }: Context,
  { proofs }: FactorSession,
  factors: UserFactorsDocument | undefined,
): ReauthenticationRequired | undefined {
  const needed = factors?.totp ? 2 : 1;
  const reached = recentAssurance(proofs, now, policies.factors.reauthenticationMs);
  return reached >= needed ? undefined : { ok: false, reason: "reauthentication_required", needed };
}

/** Keeps what administrators list by in step, and tells the user. */
export async function noteChange(
  context: Context,
  { id: sessionId, userId }: FactorSession,
  change: "totp_added" | "totp_removed" | "recovery_codes_created",
): Promise<void> {
  const { models, now } = context;
  const secondFactor =
    change === "totp_added" ? { enabled: true, method: "totp", enabledAt: now } : { enabled: false };
  await Promise.all([
    change !== "recovery_codes_created" &&
      models.User.collection.updateOne(
        { _id: userId },
        { $set: { "security.secondFactor": secondFactor, updatedAt: now } },
      ),
    recordSecurityEvent(context, {
      userId,
      kind: "second_factor_changed",
      severity: "warning",
      sessionId,
      reasons: [change],
    }),
  ]);
}
