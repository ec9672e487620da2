import type { ActiveSession } from "@org/db-models";
import type { Types } from "mongoose";
import { audit, byOwner, failedAttempt } from "../audit.js";
import type { FlowContext } from "../context.js";
import { notifyLater } from "../notices/notify-later.js";
import { originOf } from "../origin.js";
import { IdentityProblem, type ProblemCode } from "../problems.js";
import type { Requester } from "../requester.js";
import {
  emailChangeConfirmation,
  emailChangeNotice,
  emailChangeUndone,
  emailInUse,
  passwordReset,
} from "../sign-in/alerts.js";
import { requireRecentAuthentication } from "./assurance.js";

const refusals = {
  unknown: "USER_NOT_FOUND",
  not_active: "USER_NOT_ACTIVE",
  same_address: "EMAIL_UNCHANGED",
  too_many_messages: "MESSAGE_LIMIT",
} as const satisfies Record<string, ProblemCode>;

/** The problem of each refusal of a change of the address. */
export const emailChangeProblems = Object.values(refusals);

/**
 * Asks for another address: a token goes to it, and one that undoes the change to the present address. Nothing changes
 * before the former is used. Whether another account has the address is told to its mailbox alone (ASVS 6.3.8).
 *
 * @throws IdentityProblem `RECENT_AUTHENTICATION_REQUIRED`, and as {@link emailChangeProblems}; IdentityError
 * `INVALID_INPUT`, `AUDIT_NOT_WRITTEN`.
 */
export async function requestEmailChange(
  context: FlowContext,
  requester: Requester,
  session: ActiveSession,
  { email }: { email: string },
): Promise<{ expiresAt: Date }> {
  await requireRecentAuthentication(context, session);
  const { userId, id: sessionId } = session;
  const origin = originOf(requester);
  const asked = await context.identity.emailChanges.request({ userId, sessionId, email, origin });
  if (!asked.ok) throw new IdentityProblem(refusals[asked.reason]);
  notifyLater(context, requester, emailChangeNotice("requested", asked, origin));
  notifyLater(context, requester, asked.taken ? emailInUse(asked, origin) : emailChangeConfirmation(asked));
  await audit(context, requester, byOwner(userId, "email.change_requested"));
  return { expiresAt: asked.expiresAt };
}

/**
 * Gives the account the address that the token was sent to; without a session, for the message may be read elsewhere. The
 * owner of the address before is told, with another token that undoes it. Sessions go on.
 *
 * @throws IdentityProblem `TOKEN_INVALID`; `EMAIL_TAKEN` when another account has the address since; IdentityError
 * `AUDIT_NOT_WRITTEN`.
 */
export async function confirmEmailChange(
  context: FlowContext,
  requester: Requester,
  { token }: { token: string },
): Promise<void> {
  const origin = originOf(requester);
  const done = await context.identity.emailChanges.confirm({ token, origin });
  if (!done.ok) throw await refused(context, requester, "email.changed", done);
  // The owner is told even if the audit trail can't be written.
  notifyLater(context, requester, emailChangeNotice("changed", done, origin));
  await audit(context, requester, byOwner(done.userId, "email.changed"));
}

/**
 * Undoes a change for the owner of the address before: the account has it back, every session and what was added since
 * ends, and a token goes to the address that sets another password.
 *
 * @throws IdentityProblem `TOKEN_INVALID`; `EMAIL_TAKEN` when another account has verified the address since;
 * IdentityError `AUDIT_NOT_WRITTEN`, `CONTENTION`.
 */
export async function undoEmailChange(
  context: FlowContext,
  requester: Requester,
  { token }: { token: string },
): Promise<{ ended: number; passwordVoid: boolean }> {
  const origin = originOf(requester);
  const done = await context.identity.emailChanges.undo({ token, origin });
  if (!done.ok) throw await refused(context, requester, "email.change_undone", done);
  const { userId, email, undone, ended, reset } = done;
  notifyLater(context, requester, emailChangeUndone(email, origin));
  if (reset) notifyLater(context, requester, passwordReset(reset, origin));
  await audit(context, requester, byOwner(userId, "email.change_undone", { undone }));
  return { ended, passwordVoid: reset !== undefined };
}

async function refused(
  context: FlowContext,
  requester: Requester,
  action: string,
  refusal: { reason: string; userId?: Types.ObjectId },
): Promise<IdentityProblem> {
  await audit(context, requester, failedAttempt(action, refusal));
  const { reason } = refusal;
  return reason === "taken"
    ? new IdentityProblem("EMAIL_TAKEN")
    : new IdentityProblem("TOKEN_INVALID", { reason });
}
