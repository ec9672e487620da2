import type { Types } from "mongoose";
import { z } from "zod";
import { retentionOf } from "../context/retention.js";
import { emailSchema } from "../core/email.js";
import { parseInput } from "../core/input.js";
import { type OneTimeTokenPolicyInput, oneTimeTokenPolicyOf } from "../core/policies/one-time.js";
import { forgiveAccount } from "../logins/settle.js";
import { queries } from "../queries/queries.js";
import { findByQuery } from "../queries/run-query.js";
import type { IdentityModels } from "../schemas/models.js";
import { recordSecurityEvent } from "../security-events/events.js";
import { claimAndEndSessions, endSessionsBefore } from "../sessions/revoke.js";
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
      issued: false;
      /** For the audit trail, never for whoever asks. `no_password`: the account signs in through somebody else. */
      reason: "unknown" | "not_active" | "no_password" | "too_many_messages";
      userId?: Types.ObjectId;
    };

const addressSchema = z.strictObject({ email: emailSchema });

/**
 * Mints the token that resets the password of the account with this email address: good for an hour and one use, in
 * the place of the one before, and only as long as the account has this address.
 *
 * Who asks must not learn whether there is such an account. An account costs a write that nobody costs none, so a
 * service answers first, always the same, and does this behind the answer.
 *
 * @throws IdentityError `INVALID_INPUT` when it is no address, or for a policy out of bounds.
 */
export async function requestPasswordReset(
  models: IdentityModels,
  { origin, ...input }: { email: string; origin?: RequestOrigin },
  now: Date,
  policy: OneTimeTokenPolicyInput = {},
): Promise<PasswordResetRequest> {
  const { email } = parseInput(addressSchema, input);
  const rules = oneTimeTokenPolicyOf(policy);
  // Not to whoever signs in through somebody else: a password would go past what is asked of them there.
  const withPassword = { email, passwordHash: { $exists: true } };
  const issued = await issueOneTimeToken(models, "passwordReset", withPassword, rules, now);
  if (!issued) return whyNotIssued(models, email);
  const { userId } = issued;
  const event = { userId, kind: "password_reset_requested", severity: "info" } as const;
  await recordSecurityEvent(models, { ...event, ...origin }, now);
  return issued;
}

async function whyNotIssued(models: IdentityModels, email: string): Promise<PasswordResetRequest> {
  const user = await findByQuery(models, queries.userByEmail(email), { status: 1, passwordHash: 1 });
  if (!user) return { issued: false, reason: "unknown" };
  const because = (reason: "not_active" | "no_password" | "too_many_messages") =>
    ({ issued: false, reason, userId: user._id }) as const;
  if (user.status !== "active") return because("not_active");
  return because(user.passwordHash ? "too_many_messages" : "no_password");
}

export type PasswordReset =
  | {
      reset: true;
      userId: Types.ObjectId;
      email: string;
      /** How many sessions were ended. */
      ended: number;
    }
  | { reset: false; reason: OneTimeTokenRefusal; userId?: Types.ObjectId };

/**
 * Gives an account another password in exchange for the token that its address was sent, and ends every session, those
 * of logins under way included. It opens none: whoever signs in next needs the second factor as before. API keys and
 * what apps were granted stay, as with `setPassword`. The account may be used from any address again: that is the way
 * back for who locked themselves out. Failed sign-ins are forgotten for this account, and not for the network that they
 * came from.
 *
 * Whoever uses the token reads the mailbox: an address that was not verified becomes so. Until then anybody may have
 * registered it, so what was made before ends: API keys, consents and linked external identities.
 *
 * Of any number of parallel uses one succeeds. The sessions end first; then one conditional update spends the token, sets
 * the password and raises the generation; then what a login opened in between ends. Killed in between, either the old
 * password holds and the token is good, or the new one holds and the token is spent; presenting it again completes the
 * end of the sessions, as does the next sign-in.
 *
 * @param input - `token` as presented: anything is refused, never thrown at.
 * @throws IdentityError `INVALID_INPUT` for a password out of bounds, which does not spend the token.
 */
export async function resetPassword(
  models: IdentityModels,
  input: { token: unknown; password: string; origin?: RequestOrigin },
  now: Date,
): Promise<PasswordReset> {
  const found = await findOneTimeToken(models, "passwordReset", input.token, now);
  if ("reason" in found) return refuse(models, found, now);
  const { user, claim } = found;
  const { _id: userId, email } = user;
  const isFirstProof = !user.emailVerifiedAt;
  const change = {
    $set: {
      ...(await newPassword(input.password, now)),
      "passwordReset.usedAt": now,
      "security.ipAllowlist": [],
      ...(isFirstProof && { emailVerifiedAt: now }),
    },
    ...(isFirstProof && { $unset: { externalIdentities: "" } as const }),
  };
  const end = { userId, reason: "credentials_changed", claim, seen: user.sessionGeneration, change } as const;
  const ended = await claimAndEndSessions(models, end, now);
  if (ended === undefined) {
    return refuse(models, await refusalOfClaim(models, "passwordReset", input.token, now), now);
  }
  if (isFirstProof) await endSquatters(models, userId, now, now);
  await forgiveAccount(models, [email, ...(user.username ? [user.username] : [])], now);
  const event = { userId, ...input.origin };
  await recordSecurityEvent(models, { ...event, kind: "password_reset", severity: "warning" }, now);
  if (isFirstProof) {
    await recordSecurityEvent(models, { ...event, kind: "email_verified", severity: "info" }, now);
  }
  return { reset: true, userId, email, ended };
}

/**
 * Who registered an address that nobody had verified may be a stranger who waited for its owner. The API keys and
 * consents that they made before the owner's reset end.
 *
 * Source: Sudhodanan and Paverd, "Pre-hijacked accounts", USENIX Security 2022.
 */
async function endSquatters(
  models: IdentityModels,
  userId: Types.ObjectId,
  madeBefore: Date,
  now: Date,
): Promise<void> {
  const purgeAt = new Date(now.getTime() + retentionOf(models).tokensMs);
  const made = (field: string) => ({ revokedAt: null, [field]: { $lte: madeBefore } });
  const ended = { $set: { revokedAt: now, purgeAt } };
  await models.ApiKey.collection.updateMany({ userId, ...made("createdAt") }, ended);
  await models.AppPermission.collection.updateMany(
    { userId, ...made("grantedAt") },
    { ...ended, $inc: { generation: 1 } },
  );
}

async function refuse(
  models: IdentityModels,
  { reason, user }: RefusedToken,
  now: Date,
): Promise<PasswordReset> {
  if (!user) return { reset: false, reason };
  const { _id: userId, sessionGeneration: generation } = user;
  // A use that was killed may have left what a login opened beside it.
  if (reason === "used") {
    await endSessionsBefore(models, { userId, reason: "credentials_changed", generation }, now);
    const usedAt = user.passwordReset?.usedAt;
    // The use that verified the address.
    if (usedAt && user.emailVerifiedAt?.getTime() === usedAt.getTime()) {
      await endSquatters(models, userId, usedAt, now);
    }
  }
  return { reset: false, reason, userId };
}
