import type { ActiveSession } from "@org/db-models";
import type { Types } from "mongoose";
import { audit, byOwner, failedAttempt } from "../audit.js";
import type { FlowContext } from "../context.js";
import { tellOwner } from "../notices/tell-owner.js";
import { originOf } from "../origin.js";
import { IdentityProblem } from "../problems.js";
import type { Requester } from "../requester.js";
import { recoveredAlert, recoveryAlert, recoveryToken } from "../sign-in/alerts.js";
import { type Credentials, checkPassword } from "../sign-in/check-password.js";

/** Where the recovery of somebody who has lost every factor stands. */
export interface RecoveryState {
  /** `ready`: a token was mailed. */
  readonly state: "waiting" | "ready";
  readonly availableAt: Date;
  readonly expiresAt: Date;
}

const action = "factors.recovery";

/**
 * Begins or goes on with the recovery of who has lost every factor and knows the password. The owner is told, and can
 * cancel it.
 *
 * @throws IdentityProblem `SIGN_IN_DELAYED`, `BAD_CREDENTIALS`, `USER_NOT_ACTIVE`, `FACTOR_NOT_FOUND`,
 * `RECOVERY_REFUSED`, `MESSAGE_LIMIT`; IdentityError `AUDIT_NOT_WRITTEN`.
 */
export async function requestRecovery(
  context: FlowContext,
  requester: Requester,
  credentials: Credentials,
): Promise<RecoveryState> {
  const userId = await ownerOf(context, requester, credentials);
  const origin = originOf(requester);
  const answer = await context.identity.factors.requestRecovery({ userId, origin });
  if (!answer.ok) {
    await audit(context, requester, {
      ...byOwner(userId, action, { reason: answer.reason }),
      outcome: "denied",
    });
    if (answer.reason === "not_enrolled") throw new IdentityProblem("FACTOR_NOT_FOUND");
    if (answer.reason === "too_many_messages") throw new IdentityProblem("MESSAGE_LIMIT");
    throw new IdentityProblem("RECOVERY_REFUSED", { reason: answer.reason });
  }
  const { state, availableAt, expiresAt, cancelToken, token, tokenExpiresAt } = answer;
  const noticeTo = (email: string) =>
    token && tokenExpiresAt
      ? recoveryToken({ token, expiresAt: tokenExpiresAt, cancelToken }, email, origin)
      : recoveryAlert(availableAt, cancelToken, email, origin);
  await tellOwner(context, requester, userId, noticeTo, byOwner(userId, action, { state }));
  return { state, availableAt, expiresAt };
}

/**
 * Removes every factor, once the wait is over: with the password and the mailed token. Every session ends.
 *
 * @throws IdentityProblem `SIGN_IN_DELAYED`, `BAD_CREDENTIALS`, `USER_NOT_ACTIVE`, `TOKEN_INVALID`, `RECOVERY_REFUSED`;
 * IdentityError `AUDIT_NOT_WRITTEN`.
 */
export async function completeRecovery(
  context: FlowContext,
  requester: Requester,
  { token, ...credentials }: Credentials & { token: string },
): Promise<{ ended: number }> {
  const userId = await ownerOf(context, requester, credentials);
  const origin = originOf(requester);
  const done = await context.identity.factors.completeRecovery({ userId, token, origin });
  if (!done.ok) {
    const { reason } = done;
    await audit(context, requester, { ...byOwner(userId, action, { reason }), outcome: "denied" });
    throw new IdentityProblem(reason === "password_was_reset" ? "RECOVERY_REFUSED" : "TOKEN_INVALID", {
      reason,
    });
  }
  await tellOwner(
    context,
    requester,
    userId,
    recoveredAlert,
    byOwner(userId, action, { state: "completed" }),
  );
  return { ended: done.ended };
}

/**
 * Ends a recovery: with the token of its notice, or for the user of a live session.
 *
 * @throws IdentityProblem `TOKEN_INVALID` for a token of none; `FACTOR_NOT_FOUND` for a user without one; IdentityError
 * `AUDIT_NOT_WRITTEN`.
 */
export async function cancelRecovery(
  context: FlowContext,
  requester: Requester,
  who: { token: string } | ActiveSession,
): Promise<void> {
  const input = "token" in who ? { token: who.token } : { userId: who.userId };
  const cancelled = await context.identity.factors.cancelRecovery(input);
  if (!cancelled.ok) {
    const { reason } = cancelled;
    throw "token" in who
      ? new IdentityProblem("TOKEN_INVALID", { reason })
      : new IdentityProblem("FACTOR_NOT_FOUND");
  }
  await audit(context, requester, byOwner(cancelled.userId, action, { state: "cancelled" }));
}

/** Whose password it is, behind the defence of sign-ins. */
async function ownerOf(
  context: FlowContext,
  requester: Requester,
  credentials: Credentials,
): Promise<Types.ObjectId> {
  const { checked } = await checkPassword(context, credentials, requester);
  if (checked.ok) return checked.userId;
  await audit(context, requester, failedAttempt(action, checked));
  throw new IdentityProblem(checked.reason === "not_active" ? "USER_NOT_ACTIVE" : "BAD_CREDENTIALS");
}
