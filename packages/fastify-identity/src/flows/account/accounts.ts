import {
  type ActiveSession,
  type EmailVerificationRequest,
  type ErasureReport,
  isIdentityError,
  type PasswordResetRequest,
  type PublicUser,
  type Registration,
  type RenewedSession,
} from "@org/db-models";
import type { Types } from "mongoose";
import { askHook } from "../ask-hooks.js";
import { audit, byOwner, failedAttempt } from "../audit.js";
import type { FlowContext } from "../context.js";
import { notifyLater } from "../notices/notify-later.js";
import { sendNotice } from "../notices/send-notice.js";
import { tellOwner } from "../notices/tell-owner.js";
import { originOf } from "../origin.js";
import { IdentityProblem, type ProblemCode } from "../problems.js";
import type { Requester } from "../requester.js";
import { emailVerification, passwordAlert, passwordReset } from "../sign-in/alerts.js";
import { requireRecentAuthentication } from "./assurance.js";
import { checkOwnPassword } from "./own-password.js";

/**
 * Makes an account, and sends its address the token that verifies it.
 *
 * @throws IdentityProblem `REGISTRATION_REFUSED`, `HOOK_FAILED`; IdentityError as `users.register`, `AUDIT_NOT_WRITTEN`.
 */
export async function register(
  context: FlowContext,
  requester: Requester,
  registration: Registration,
): Promise<PublicUser> {
  const { email, username } = registration;
  const details = await askHook(context, "REGISTRATION_REFUSED", () =>
    context.hooks.onRegister?.({ email, ...(username !== undefined && { username }) }, requester),
  );
  const user = await context.identity.users.register(registration);
  // Also if the audit trail can't be written: the account is there, and its owner is to hear of it.
  await verifyNewAddress(context, requester, user._id);
  await audit(context, requester, byOwner(user._id, "account.registered", details));
  return user;
}

// The account exists: if the mail could not be sent, the user can request another token.
async function verifyNewAddress(
  context: FlowContext,
  requester: Requester,
  userId: Types.ObjectId,
): Promise<void> {
  try {
    const asked = await context.identity.users.requestEmailVerification({ userId });
    if (asked.ok) notifyLater(context, requester, emailVerification(asked));
  } catch (err) {
    requester.log.error({ err }, "a new address was not sent its token");
  }
}

type VerificationRefusal = Extract<EmailVerificationRequest, { ok: false }>["reason"];

/** The problem of each refusal of another verification token. */
export const verificationProblems = {
  unknown: "USER_NOT_FOUND",
  not_active: "USER_NOT_ACTIVE",
  already_verified: "EMAIL_ALREADY_VERIFIED",
  too_many_messages: "MESSAGE_LIMIT",
} as const satisfies Record<VerificationRefusal, ProblemCode>;

/**
 * Sends an account's address another token that verifies it.
 *
 * @throws IdentityProblem as {@link verificationProblems}, `NOTICE_NOT_SENT`.
 */
export async function requestEmailVerification(
  context: FlowContext,
  { userId }: ActiveSession,
): Promise<{ expiresAt: Date }> {
  const asked = await context.identity.users.requestEmailVerification({ userId });
  if (!asked.ok) throw new IdentityProblem(verificationProblems[asked.reason]);
  try {
    await sendNotice(context, emailVerification(asked));
  } catch (cause) {
    throw new IdentityProblem("NOTICE_NOT_SENT", {}, { cause });
  }
  return { expiresAt: asked.expiresAt };
}

/**
 * Verifies an address with the token that was sent to it; without a session, for the message may be read elsewhere.
 *
 * @throws IdentityProblem `TOKEN_INVALID`; IdentityError `AUDIT_NOT_WRITTEN`.
 */
export async function verifyEmail(
  context: FlowContext,
  requester: Requester,
  { token }: { token: string },
): Promise<void> {
  const result = await context.identity.users.verifyEmail({ token, origin: originOf(requester) });
  if (!result.ok) {
    await audit(context, requester, failedAttempt("email.verified", result));
    throw new IdentityProblem("TOKEN_INVALID", { reason: result.reason });
  }
  await audit(context, requester, byOwner(result.userId, "email.verified"));
}

/** Sends a password-reset token after responding, because the work takes longer for an existing account. */
export function requestPasswordReset(
  context: FlowContext,
  requester: Requester,
  { email }: { email: string },
): void {
  const failed = (err: unknown) => requester.log.error({ err }, "a request for a reset was not served");
  context.background.run(() => sendResetToken(context, requester, email), failed);
}

/**
 * Sends an address the token that resets the password of its account.
 *
 * @returns whether there is such an account, which only who knows of it may learn.
 * @throws IdentityError `AUDIT_NOT_WRITTEN`; what the notifier throws.
 */
export async function sendResetToken(
  context: FlowContext,
  requester: Requester,
  email: string,
): Promise<PasswordResetRequest> {
  const origin = originOf(requester);
  const asked = await context.identity.users.requestPasswordReset({ email, origin });
  const { userId: subjectId } = asked;
  await audit(context, requester, {
    action: "password.reset_requested",
    outcome: asked.ok ? "success" : "denied",
    ...(subjectId && { subjectId }),
    ...(!asked.ok && { details: { reason: asked.reason } }),
  });
  if (asked.ok) await sendNotice(context, passwordReset(asked, origin));
  return asked;
}

/**
 * Sets another password with the token that was sent, ends every session and opens none.
 *
 * @throws IdentityProblem `TOKEN_INVALID`; IdentityError `AUDIT_NOT_WRITTEN`.
 */
export async function resetPassword(
  context: FlowContext,
  requester: Requester,
  { token, password }: { token: string; password: string },
): Promise<{ ended: number }> {
  const origin = originOf(requester);
  const result = await context.identity.users.resetPassword({ token, password, origin });
  if (!result.ok) {
    await audit(context, requester, failedAttempt("password.reset", result));
    throw new IdentityProblem("TOKEN_INVALID", { reason: result.reason });
  }
  // Notify the owner even if the audit trail can't be written.
  notifyLater(context, requester, passwordAlert("reset", result.email, origin));
  await audit(context, requester, byOwner(result.userId, "password.reset"));
  return { ended: result.ended };
}

/** A session of a request, and the token that it came with. */
export interface HeldSession {
  readonly session: ActiveSession;
  readonly token: string;
}

/**
 * Changes the password, and ends every other session. The session of the request gets another token.
 *
 * @param deliver - takes the session's next token, before the event is recorded: the one before is no longer good.
 * @throws IdentityProblem `RECENT_AUTHENTICATION_REQUIRED` without a recent second factor of an account that has one;
 * `SIGN_IN_DELAYED`, `BAD_CREDENTIALS`, `SESSION_INVALID`; IdentityError `AUDIT_NOT_WRITTEN`.
 */
export async function changePassword(
  context: FlowContext,
  requester: Requester,
  { session, token }: HeldSession,
  { password, newPassword }: { password: string; newPassword: string },
  deliver: (renewed: RenewedSession) => void,
): Promise<{ ended: number; session: RenewedSession }> {
  const { userId } = session;
  await requireRecentAuthentication(context, session, ["password"]);
  const { email } = await checkOwnPassword(context, requester, session, "password.changed", password);
  const input = { userId, password: newPassword, keepToken: token };
  const changed = await context.identity.users.setPassword(input).catch((error: unknown) => {
    // Another request has ended the session, or has its next token.
    throw isIdentityError(error, "SESSION_NOT_FOUND")
      ? new IdentityProblem("SESSION_INVALID", { reason: "rotated" })
      : error;
  });
  if (!changed.session) throw new TypeError("unreachable: a session was kept");
  // Notify the owner even if the audit trail can't be written.
  notifyLater(context, requester, passwordAlert("changed", email, originOf(requester)));
  deliver(changed.session);
  await audit(context, requester, byOwner(userId, "password.changed"));
  return { ended: changed.ended, session: changed.session };
}

/**
 * Gives an account its first password, such as one that signs in through a provider or by a passkey. Its sessions go on.
 *
 * @throws IdentityProblem `RECENT_AUTHENTICATION_REQUIRED`, `PASSWORD_EXISTS`; IdentityError `PASSWORD_TOO_COMMON`,
 * `AUDIT_NOT_WRITTEN`.
 */
export async function addPassword(
  context: FlowContext,
  requester: Requester,
  session: ActiveSession,
  { newPassword: password }: { newPassword: string },
): Promise<void> {
  const { userId } = session;
  await requireRecentAuthentication(context, session);
  const origin = originOf(requester);
  const added = await context.identity.users.addPassword({ userId, password, origin });
  if (!added.ok) throw new IdentityProblem("PASSWORD_EXISTS");
  const event = byOwner(userId, "password.added");
  await tellOwner(context, requester, userId, (email) => passwordAlert("added", email, origin), event);
}

/**
 * Erases the account and everything about it, at once and for good.
 *
 * @param input - `password` may be absent where the account has none; then the session's proofs must be recent.
 * @throws IdentityProblem `RECENT_AUTHENTICATION_REQUIRED`, also without a recent second factor of an account that has one;
 * `SIGN_IN_DELAYED`, `BAD_CREDENTIALS`; IdentityError `AUDIT_NOT_WRITTEN`.
 */
export async function eraseAccount(
  context: FlowContext,
  requester: Requester,
  session: ActiveSession,
  { password }: { password?: string | undefined },
): Promise<ErasureReport> {
  const { userId } = session;
  const { hasPassword } = await context.identity.externalIdentities.list({ userId });
  await requireRecentAuthentication(context, session, hasPassword ? ["password"] : []);
  if (hasPassword) await checkOwnPassword(context, requester, session, "account.erased", password ?? "");
  const { administrators } = context.identity;
  // The last one stays, and nothing is recorded of what is not done.
  if (await administrators.read({ userId })) await administrators.setRoles({ userId, roles: [] });
  // Before: afterwards nobody can tell whose event it is, and nobody is to.
  await audit(context, requester, byOwner(userId, "account.erased"));
  return context.identity.privacy.erase({ userId, record: context.auditTrail });
}
