import type { Types } from "mongoose";
import { z } from "zod";
import type { Context } from "../context/context.js";
import { emailSchema } from "../core/email.js";
import { parseInput } from "../core/input.js";
import { forgiveAccount } from "../logins/settle.js";
import { queries } from "../queries/queries.js";
import { findByQuery } from "../queries/run-query.js";
import type { IdentityModels } from "../schemas/models.js";
import { recordSecurityEvent } from "../security-events/events.js";
import { claimAndEndSessions, endSessionsBefore } from "../sessions/revoke.js";
import { endDelegated } from "./end-delegated.js";
import { likeNew } from "./first-proof.js";
import {
  findOneTimeToken,
  type IssuedOneTimeToken,
  issueOneTimeToken,
  type OneTimeTokenRefusal,
  type RefusedToken,
  type RequestOrigin,
  refusalOfClaim,
} from "./one-time-tokens.js";
import { newPassword } from "./password.js";

export type PasswordResetRequest =
  | IssuedOneTimeToken
  | {
      ok: false;
      /** For the audit trail; never for the person who asks. `no_password`: the account uses an identity provider. */
      reason: "unknown" | "not_active" | "no_password" | "too_many_messages";
      userId?: Types.ObjectId;
    };

const addressSchema = z.strictObject({ email: emailSchema });

export async function requestPasswordReset(
  context: Context,
  { origin, ...input }: { email: string; origin?: RequestOrigin },
): Promise<PasswordResetRequest> {
  const { models } = context;
  const { email } = parseInput(addressSchema, input);
  // Not for accounts that sign in through an identity provider: a password would bypass the provider's checks.
  const withPassword = { email, passwordHash: { $exists: true } };
  const issued = await issueOneTimeToken(context, "passwordReset", withPassword);
  if (!issued) return whyNotIssued(models, email);
  const { userId } = issued;
  const event = { userId, kind: "password_reset_requested", severity: "info" } as const;
  await recordSecurityEvent(context, { ...event, ...origin });
  return issued;
}

async function whyNotIssued(models: IdentityModels, email: string): Promise<PasswordResetRequest> {
  const user = await findByQuery(models, queries.userByEmail(email), { status: 1, passwordHash: 1 });
  if (!user) return { ok: false, reason: "unknown" };
  const because = (reason: "not_active" | "no_password" | "too_many_messages") =>
    ({ ok: false, reason, userId: user._id }) as const;
  if (user.status !== "active") return because("not_active");
  return because(user.passwordHash ? "too_many_messages" : "no_password");
}

export type PasswordReset =
  | {
      ok: true;
      userId: Types.ObjectId;
      email: string;
      /** How many sessions were ended. */
      ended: number;
    }
  | { ok: false; reason: OneTimeTokenRefusal; userId?: Types.ObjectId };

export async function resetPassword(
  context: Context,
  input: { token: unknown; password: string; origin?: RequestOrigin },
): Promise<PasswordReset> {
  const { now } = context;
  const found = await findOneTimeToken(context, "passwordReset", input.token);
  if ("reason" in found) return refuse(context, found);
  const { user, claim } = found;
  const { _id: userId, email } = user;
  const isFirstProof = !user.emailVerifiedAt;
  const change = changeOf(context, isFirstProof, {
    ...(await newPassword(context, input.password, user)),
    passwordResetAt: now,
    "passwordReset.usedAt": now,
  });
  const end = { userId, reason: "credentials_changed", claim, seen: user.sessionGeneration, change } as const;
  const ended = await claimAndEndSessions(context, end);
  if (ended === undefined) {
    return refuse(context, await refusalOfClaim(context, "passwordReset", input.token));
  }
  if (isFirstProof) await endSquatters(context, userId, now);
  await forgiveAccount(context, [email, ...(user.username ? [user.username] : [])]);
  const event = { userId, ...input.origin };
  await recordSecurityEvent(context, { ...event, kind: "password_reset", severity: "warning" });
  if (isFirstProof) {
    await recordSecurityEvent(context, { ...event, kind: "email_verified", severity: "info" });
  }
  return { ok: true, userId, email, ended };
}

/** The change of a reset; the first proof of the address leaves nothing that a stranger may have set. */
function changeOf(
  { models, now }: Context,
  isFirstProof: boolean,
  reset: Record<string, unknown>,
): { $set: Record<string, unknown>; $unset?: Record<string, ""> } {
  if (!isFirstProof) return { $set: { ...reset, "security.ipAllowlist": [] } };
  const { $set, $unset } = likeNew(models);
  const set = { ...$set, ...reset, emailVerifiedAt: now };
  const isSet = (field: string) => field in set;
  return { $set: set, $unset: Object.fromEntries(Object.entries($unset).filter(([field]) => !isSet(field))) };
}

/**
 * Who registered an address that nobody had verified may be a stranger who waited for its owner. Whatever they made before
 * the owner's reset, and would let them in or keep the owner out, ends: API keys, consents, passkeys, the authenticator app
 * with its recovery codes, remembered devices, and what was learnt of their sign-ins. Their settings go with the reset itself.
 *
 * Source: Sudhodanan and Paverd, "Pre-hijacked accounts", USENIX Security 2022.
 */
async function endSquatters(context: Context, userId: Types.ObjectId, madeBefore: Date): Promise<void> {
  await endDelegated(context, userId, { $lte: madeBefore });
  const { UserFactors, LoginProfile } = context.models;
  await UserFactors.collection.deleteOne({ userId, createdAt: { $lte: madeBefore } });
  await LoginProfile.collection.deleteOne({
    ...(queries.loginProfileOf("user", userId.toHexString()).filter as object),
    updatedAt: { $lte: madeBefore },
  });
}

async function refuse(context: Context, { reason, user }: RefusedToken): Promise<PasswordReset> {
  if (!user) return { ok: false, reason };
  const { _id: userId, sessionGeneration: generation } = user;
  // A use that was killed may have left what a login opened beside it.
  if (reason === "used") {
    await endSessionsBefore(context, { userId, reason: "credentials_changed", generation });
    const usedAt = user.passwordReset?.usedAt;
    // The use that verified the address.
    if (usedAt && user.emailVerifiedAt?.getTime() === usedAt.getTime()) {
      await endSquatters(context, userId, usedAt);
    }
  }
  return { ok: false, reason, userId };
}
