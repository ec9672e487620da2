import type { ActiveSession, ProofMethod, RenewedSession } from "@org/db-models";
import type { HeldSession } from "../account/accounts.js";
import { noteImpersonationEnds } from "../account/impersonation-ends.js";
import { checkOwnPassword } from "../account/own-password.js";
import { checkFactor, type FactorCodes, methodsOf, type Spend } from "../account/prove.js";
import { audit, byOwner } from "../audit.js";
import type { FlowContext } from "../context.js";
import { IdentityProblem } from "../problems.js";
import type { Requester } from "../requester.js";
import { judgeSession } from "./session-risk.js";

/** A session that was accepted. */
export interface AcceptedSession {
  readonly session: ActiveSession;
  /** Its idle expiry has moved, and the cookie's moves with it. */
  readonly touched: boolean;
}

/**
 * Checks a session token, and from time to time what has changed since the session's sign-in.
 *
 * @throws IdentityProblem `SESSION_INVALID` with the reason.
 */
export async function checkSession(
  context: FlowContext,
  requester: Requester,
  token: string,
): Promise<AcceptedSession> {
  const check = await context.identity.sessions.validate(token);
  if (!check.ok) throw new IdentityProblem("SESSION_INVALID", { reason: check.reason });
  const { session, touched } = check;
  if (touched && !(await judgeSession(context, requester, session))) {
    throw new IdentityProblem("SESSION_INVALID", { reason: "revoked" });
  }
  return { session, touched };
}

/** Proofs for a live session, at least one. */
export interface StepUpProofs extends FactorCodes {
  readonly password?: string | undefined;
}

/**
 * Proves again who the user is, with the password, a second factor or both. The session keeps its id, counts as signed in
 * now and has the proofs in its `amr` and `acr`; its token is replaced, without a grace.
 *
 * @param deliver - takes the session's next token, before the event is recorded: the one before is no longer good.
 * @throws IdentityProblem `SIGN_IN_DELAYED`, `BAD_CREDENTIALS`, `CHALLENGE_FAILED`, `SESSION_INVALID`; `INVALID_INPUT`
 * without a proof; IdentityError `AUDIT_NOT_WRITTEN`.
 */
export async function authenticateAgain(
  context: FlowContext,
  requester: Requester,
  { session, token }: HeldSession,
  input: StepUpProofs,
  deliver: (renewed: RenewedSession) => void,
): Promise<RenewedSession> {
  const { userId } = session;
  const { password, totp, recoveryCode, passkey } = input;
  if (methodsOf({ password, totp, recoveryCode, passkey }).length === 0)
    throw new IdentityProblem("INVALID_INPUT");
  const proofs: ProofMethod[] = password === undefined ? [] : ["password"];
  const spends: Spend[] = [];
  const action = "session.authenticated";
  if (password !== undefined) await checkOwnPassword(context, requester, session, action, password);
  // After the password: who has none of it can't delay the owner's codes by this request.
  for (const codes of [{ totp }, { recoveryCode }, { passkey }]) {
    if (methodsOf(codes).length === 0) continue;
    const check = await checkFactor(context, requester, userId, codes);
    if (!check.ok) throw await failedProof(context, requester, userId, check.reason);
    proofs.push(check.method);
    spends.push(check.spend);
  }
  const claim = async () => {
    for (const spend of spends) {
      const spent = await spend();
      // Used elsewhere in this moment.
      if (!spent.ok) throw await failedProof(context, requester, userId, spent.reason);
    }
  };
  const renewal = await context.identity.sessions.stepUp({ userId, token, proofs, claim });
  // Another request has ended it, or has its next token.
  if (!renewal.ok) throw new IdentityProblem("SESSION_INVALID", { reason: "rotated" });
  deliver(renewal.session);
  await audit(context, requester, byOwner(userId, action, { proofs: proofs.join(" ") }));
  return renewal.session;
}

async function failedProof(
  context: FlowContext,
  requester: Requester,
  userId: ActiveSession["userId"],
  reason: string,
): Promise<IdentityProblem> {
  const details = { reason };
  await audit(context, requester, {
    ...byOwner(userId, "session.authenticated", details),
    outcome: "denied",
  });
  return new IdentityProblem("CHALLENGE_FAILED", details);
}

/**
 * Ends the session of the request: of an administrator who acts for a user, that one.
 *
 * @throws IdentityError `AUDIT_NOT_WRITTEN`.
 */
export async function signOut(
  context: FlowContext,
  requester: Requester,
  { id: sessionId, userId, actor }: Pick<ActiveSession, "id" | "userId" | "actor">,
): Promise<void> {
  await context.identity.sessions.revoke({ userId, sessionId });
  if (actor) return noteImpersonationEnds(context, requester.log);
  await audit(context, requester, byOwner(userId, "session.ended"));
}
