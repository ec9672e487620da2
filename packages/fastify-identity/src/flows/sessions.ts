import type { ActiveSession, RenewedSession } from "@org/db-models";
import type { HeldSession } from "./accounts.js";
import { audit, byOwner } from "./audit.js";
import type { FlowContext } from "./context.js";
import { checkOwnPassword } from "./own-password.js";
import { IdentityProblem } from "./problems.js";
import type { Requester } from "./requester.js";
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

/**
 * Proves again who the user is, with the password. The session keeps its id and counts as signed in now; its token is
 * replaced, without a grace.
 *
 * @param deliver - takes the session's next token, before the event is recorded: the one before is no longer good.
 * @throws IdentityProblem `SIGN_IN_DELAYED`, `BAD_CREDENTIALS`, `SESSION_INVALID`; IdentityError `AUDIT_NOT_WRITTEN`.
 */
export async function authenticateAgain(
  context: FlowContext,
  requester: Requester,
  { session, token }: HeldSession,
  { password }: { password: string },
  deliver: (renewed: RenewedSession) => void,
): Promise<RenewedSession> {
  const { userId } = session;
  await checkOwnPassword(context, requester, session, "session.authenticated", password);
  const renewal = await context.identity.sessions.renew({ userId, token });
  // Another request has ended it, or has its next token.
  if (!renewal.ok) throw new IdentityProblem("SESSION_INVALID", { reason: "rotated" });
  deliver(renewal.session);
  await audit(context, requester, byOwner(userId, "session.authenticated"));
  return renewal.session;
}

/**
 * Ends the session of the request.
 *
 * @throws IdentityError `AUDIT_NOT_WRITTEN`.
 */
export async function signOut(
  context: FlowContext,
  requester: Requester,
  { id: sessionId, userId }: Pick<ActiveSession, "id" | "userId">,
): Promise<void> {
  await context.identity.sessions.revoke({ userId, sessionId });
  await audit(context, requester, byOwner(userId, "session.ended"));
}
