import type { ActiveSession, RiskFeedbackInput } from "@org/db-models";
import type { Types } from "mongoose";
import { audit, byOwner } from "../audit.js";
import type { FlowContext } from "../context.js";
import { IdentityProblem } from "../problems.js";
import type { Requester } from "../requester.js";

/**
 * Stores the owner's feedback on a sign-in for later assessments; a session that the owner disowns ends. A confirmed
 * sign-in adds nothing to the profile, because it was learnt when it succeeded.
 *
 * @throws IdentityProblem `FEEDBACK_NOT_TAKEN`, `SESSION_NOT_FOUND`; IdentityError `AUDIT_NOT_WRITTEN`.
 */
export async function takeFeedback(
  context: FlowContext,
  requester: Requester,
  session: ActiveSession,
  { sessionId, verdict }: { sessionId: Types.ObjectId; verdict: RiskFeedbackInput["verdict"] },
): Promise<void> {
  const { id: fromSessionId, userId, risk } = session;
  const doubtful = risk.level === "medium" || risk.level === "high";
  // A thief would say of their own sign-in that it was the owner's, if need be from a second session.
  if (sessionId.equals(fromSessionId) || (verdict === "mine" && doubtful)) {
    throw new IdentityProblem("FEEDBACK_NOT_TAKEN");
  }
  const feedback = { userId, verdict, aboutSessionId: sessionId, fromSessionId };
  if (!(await context.identity.risk.recordFeedback(feedback))) throw new IdentityProblem("SESSION_NOT_FOUND");
  if (verdict === "not_mine") {
    await context.identity.sessions.revoke({ userId, sessionId, reason: "risk" });
    // One of them may be the device of that person.
    await context.identity.factors.forgetDevices({ userId });
    // Without a network or device: those at hand are of the one who reports.
    const event = { userId, sessionId, kind: "risk_high", severity: "critical" } as const;
    await context.identity.securityEvents.record({ ...event, reasons: ["reported"] });
  }
  const action = verdict === "mine" ? "sign_in.confirmed" : "sign_in.reported";
  await audit(context, requester, {
    ...byOwner(userId, action),
    targetType: "session",
    targetId: sessionId.toHexString(),
  });
}
