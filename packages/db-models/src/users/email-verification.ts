import type { Types } from "mongoose";
import { settleApiKeys } from "../api-keys/owner.js";
import { type OneTimeTokenPolicyInput, oneTimeTokenPolicyOf } from "../core/policies/one-time.js";
import type { IdentityModels } from "../schemas/models.js";
import type { UserDocument } from "../schemas/user.js";
import { recordSecurityEvent } from "../security-events/events.js";
import {
  findOneTimeToken,
  type IssuedOneTimeToken,
  issueOneTimeToken,
  type OneTimeTokenRefusal,
  type RefusedToken,
  type RequestOrigin,
  refusalOfClaim,
  usableBy,
} from "./one-time-tokens.js";

export type EmailVerificationRequest =
  | IssuedOneTimeToken
  | { issued: false; reason: "unknown" | "already_verified" | "not_active" | "too_many_messages" };

/**
 * Mints the token that verifies an account's email address: good for a day and one use, in the place of the one before,
 * and only as long as the account has this address.
 *
 * @throws IdentityError `INVALID_INPUT` for a policy out of bounds.
 *
 * @example
 * const asked = await requestEmailVerification(models, { userId }, new Date());
 * if (asked.issued) await mail(asked.email, `Your token: ${asked.token}`);
 */
export async function requestEmailVerification(
  models: IdentityModels,
  { userId }: { userId: Types.ObjectId },
  now: Date,
  policy: OneTimeTokenPolicyInput = {},
): Promise<EmailVerificationRequest> {
  const rules = oneTimeTokenPolicyOf(policy);
  const unverified = { _id: userId, emailVerifiedAt: null };
  const issued = await issueOneTimeToken(models, "emailVerification", unverified, rules, now);
  return issued ?? { issued: false, reason: await whyNotIssued(models, userId) };
}

async function whyNotIssued(models: IdentityModels, _id: Types.ObjectId) {
  const projection = { status: 1, emailVerifiedAt: 1 } as const;
  const user = await models.User.collection.findOne({ _id }, { projection });
  if (!user) return "unknown";
  const { status, emailVerifiedAt } = user as unknown as UserDocument;
  if (emailVerifiedAt) return "already_verified";
  const may = (usableBy.emailVerification as readonly string[]).includes(status);
  return may ? "too_many_messages" : "not_active";
}

export type EmailVerification =
  | { verified: true; userId: Types.ObjectId; email: string }
  | { verified: false; reason: OneTimeTokenRefusal; userId?: Types.ObjectId };

/**
 * Verifies the email address that a token was sent to; an account that was `pending` becomes `active`, and its API keys
 * good. Of any number of parallel uses one succeeds: the claim is one conditional update. If a crash keeps the API keys
 * from following it, presenting the token again completes that.
 *
 * @param input - `token` as presented: anything is refused, never thrown at.
 */
export async function verifyEmail(
  models: IdentityModels,
  input: { token: unknown; origin?: RequestOrigin },
  now: Date,
): Promise<EmailVerification> {
  const found = await findOneTimeToken(models, "emailVerification", input.token, now);
  if ("reason" in found) return refuse(models, found);
  const becomesActive = { $cond: [{ $eq: ["$status", "pending"] }, "active", "$status"] };
  const { modifiedCount } = await models.User.collection.updateOne(found.claim, [
    {
      $set: {
        emailVerifiedAt: now,
        status: becomesActive,
        updatedAt: now,
        "emailVerification.usedAt": now,
      },
    },
  ]);
  if (modifiedCount === 0) {
    return refuse(models, await refusalOfClaim(models, "emailVerification", input.token, now));
  }
  const { _id: userId, email } = found.user;
  await openApiKeys(models, userId);
  await recordSecurityEvent(
    models,
    { userId, kind: "email_verified", severity: "info", ...input.origin },
    now,
  );
  return { verified: true, userId, email };
}

async function refuse(models: IdentityModels, { reason, user }: RefusedToken): Promise<EmailVerification> {
  if (!user) return { verified: false, reason };
  if (reason === "used") await openApiKeys(models, user._id);
  return { verified: false, reason, userId: user._id };
}

/** The keys of an account that is active; read after the change, so that a suspension since then has its way. */
async function openApiKeys(models: IdentityModels, userId: Types.ObjectId): Promise<void> {
  const projection = { status: 1, sessionGeneration: 1 } as const;
  const user = await models.User.collection.findOne({ _id: userId }, { projection });
  if (user?.status !== "active") return;
  await settleApiKeys(models, userId, { active: true, generation: Number(user.sessionGeneration) });
}
