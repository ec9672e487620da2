import type { FactorChange, RenewedSession, TotpEnrolment } from "@org/db-models";
import { byOwner } from "../audit.js";
import type { FlowContext } from "../context.js";
import { tellOwner } from "../notices/tell-owner.js";
import { IdentityProblem } from "../problems.js";
import type { Requester } from "../requester.js";
import { factorAlert } from "../sign-in/alerts.js";
import type { HeldSession } from "./accounts.js";
import { recentAuthenticationRequired } from "./assurance.js";
import { delayed } from "./prove.js";

type Session = HeldSession["session"];

/** An authenticator app that is to be confirmed. */
export type NewTotp = Omit<Extract<TotpEnrolment, { ok: true }>, "ok">;

/**
 * Makes the secret of an authenticator app, which counts once it is confirmed.
 *
 * @throws IdentityProblem `RECENT_AUTHENTICATION_REQUIRED`; IdentityError `SEAL_KEY_MISSING`.
 */
export async function enrolTotp(context: FlowContext, session: Session): Promise<NewTotp> {
  const enrolment = await context.identity.factors.enrolTotp({ session });
  if (!enrolment.ok) throw await reauthentication(context, session);
  const { ok: _, ...enrolled } = enrolment;
  return enrolled;
}

/**
 * Makes the enrolled app a factor of the account, and its code a proof of the session, whose token is replaced.
 *
 * @param deliver - takes the session's next token, before the event is recorded: the one before is no longer good.
 * @throws IdentityProblem `RECENT_AUTHENTICATION_REQUIRED`, `CHALLENGE_FAILED`, `SIGN_IN_DELAYED`, `SESSION_INVALID`;
 * IdentityError `AUDIT_NOT_WRITTEN`.
 */
export async function confirmTotp(
  context: FlowContext,
  requester: Requester,
  { session, token }: HeldSession,
  { code }: { code: string },
  deliver: (renewed: RenewedSession) => void,
): Promise<RenewedSession> {
  const { userId } = session;
  const confirmed = await context.identity.factors.confirmTotp({ session, code });
  if (!confirmed.ok) {
    if (confirmed.reason === "reauthentication_required") throw await reauthentication(context, session);
    if (confirmed.reason === "delayed") throw delayed(confirmed);
    throw new IdentityProblem("CHALLENGE_FAILED", { reason: confirmed.reason });
  }
  const renewal = await context.identity.sessions.stepUp({ userId, token, proofs: ["totp"] });
  if (renewal.ok) deliver(renewal.session);
  await record(context, requester, session, "totp_added");
  // Another request has ended the session, or has its next token; the app is a factor all the same.
  if (!renewal.ok) throw new IdentityProblem("SESSION_INVALID", { reason: "rotated" });
  return renewal.session;
}

/**
 * Takes the authenticator app from the account, and with the last factor its recovery codes.
 *
 * @throws IdentityProblem `RECENT_AUTHENTICATION_REQUIRED`, `FACTOR_NOT_FOUND`; IdentityError `AUDIT_NOT_WRITTEN`.
 */
export async function removeTotp(
  context: FlowContext,
  requester: Requester,
  session: Session,
): Promise<void> {
  const removed = await context.identity.factors.removeTotp({ session });
  if (!removed.ok) throw await refused(context, session, removed.reason);
  await record(context, requester, session, "totp_removed");
}

/**
 * Makes ten recovery codes in the place of those before.
 *
 * @throws IdentityProblem `RECENT_AUTHENTICATION_REQUIRED`, `FACTOR_NOT_FOUND`; IdentityError `AUDIT_NOT_WRITTEN`.
 */
export async function createRecoveryCodes(
  context: FlowContext,
  requester: Requester,
  session: Session,
): Promise<{ codes: string[] }> {
  const created = await context.identity.factors.createRecoveryCodes({ session });
  if (!created.ok) throw await refused(context, session, created.reason);
  await record(context, requester, session, "recovery_codes_created");
  return { codes: created.codes };
}

function refused(
  context: FlowContext,
  session: Session,
  reason: "reauthentication_required" | "not_enrolled",
): Promise<IdentityProblem> | IdentityProblem {
  return reason === "not_enrolled"
    ? new IdentityProblem("FACTOR_NOT_FOUND")
    : reauthentication(context, session);
}

/** The refusal of a change of factors, with what is to be proved before. */
export function reauthentication(context: FlowContext, session: Session): Promise<IdentityProblem> {
  const { reauthenticationMs } = context.identity.policies.factors;
  return recentAuthenticationRequired(context, session, reauthenticationMs);
}

/** Tells the owner of a change of factors, and records it. */
export function record(
  context: FlowContext,
  requester: Requester,
  { userId }: Pick<Session, "userId">,
  change: FactorChange,
): Promise<void> {
  const event = byOwner(userId, "second_factor.changed", { change });
  return tellOwner(context, requester, userId, (email, origin) => factorAlert(change, email, origin), event);
}
