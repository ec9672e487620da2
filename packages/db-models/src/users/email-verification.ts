import type { Types } from "mongoose";
import { settleApiKeys } from "../api-keys/owner.js";
import type { Context } from "../context/context.js";
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
  | { ok: false; reason: "unknown" | "already_verified" | "not_active" | "too_many_messages" };

export async function requestEmailVerification(
  context: Context,
  { userId }: { userId: Types.ObjectId },
): Promise<EmailVerificationRequest> {
  const { models } = context;
  const unverified = { _id: userId, emailVerifiedAt: null };
  const issued = await issueOneTimeToken(context, "emailVerification", unverified);
  return issued ?? { ok: false, reason: await whyNotIssued(models, userId) };
}

async function whyNotIssued(models: IdentityModels, _id: Types.ObjectId) {
  const projection = { status: 1, emailVerifiedAt: 1 } as const;
  const user = await models.User.collection.findOne<Pick<UserDocument, keyof typeof projection>>(
    { _id },
    { projection },
  );
  if (!user) return "unknown";
  const { status, emailVerifiedAt } = user;
  if (emailVerifiedAt) return "already_verified";
  const may = (usableBy.emailVerification as readonly string[]).includes(status);
  return may ? "too_many_messages" : "not_active";
}

export type EmailVerification =
  | { ok: true; userId: Types.ObjectId; email: string }
  | { ok: false; reason: OneTimeTokenRefusal; userId?: Types.ObjectId };

export async function verifyEmail(
  context: Context,
  input: { token: unknown; origin?: RequestOrigin },
): Promise<EmailVerification> {
  const { models, now } = context;
  const found = await findOneTimeToken(context, "emailVerification", input.token);
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
    return refuse(models, await refusalOfClaim(context, "emailVerification", input.token));
  }
  const { _id: userId, email } = found.user;
  await openApiKeys(models, userId);
  await recordSecurityEvent(context, { userId, kind: "email_verified", severity: "info", ...input.origin });
  return { ok: true, userId, email };
}

/** Somebody of the staff has seen that the address is the account's; the token that it was sent last is void. */
export async function markEmailVerified(
  context: Context,
  { userId, email }: { userId: Types.ObjectId; email: string },
): Promise<boolean> {
  const { models, now } = context;
  const becomesActive = { $cond: [{ $eq: ["$status", "pending"] }, "active", "$status"] };
  const { matchedCount } = await models.User.collection.updateOne(
    { _id: userId, email, emailVerifiedAt: null, status: { $in: [...usableBy.emailVerification] } },
    [
      { $set: { emailVerifiedAt: now, status: becomesActive, updatedAt: now } },
      { $unset: "emailVerification" },
    ],
  );
  if (matchedCount === 0) return false;
  await openApiKeys(models, userId);
  await recordSecurityEvent(context, {
    userId,
    kind: "email_verified",
    severity: "info",
    reasons: ["verified_by_staff"],
  });
  return true;
}

async function refuse(models: IdentityModels, { reason, user }: RefusedToken): Promise<EmailVerification> {
  if (!user) return { ok: false, reason };
  if (reason === "used") await openApiKeys(models, user._id);
  return { ok: false, reason, userId: user._id };
}

/** The keys of an account that is active; read after the change, so that a suspension since then has its way. */
async function openApiKeys(models: IdentityModels, userId: Types.ObjectId): Promise<void> {
  const projection = { status: 1, sessionGeneration: 1 } as const;
  const user = await models.User.collection.findOne({ _id: userId }, { projection });
  if (user?.status !== "active") return;
  await settleApiKeys(models, userId, { active: true, generation: Number(user.sessionGeneration) });
}
