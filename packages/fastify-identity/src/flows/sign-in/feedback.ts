import type { ActiveSession } from "@org/db-models";
import type { Types } from "mongoose";
import { audit, byOwner } from "../audit.js";
import type { FlowContext } from "../context.js";
import { IdentityProblem } from "../problems.js";
import type { Requester } from "../requester.js";

/**
 * Stores that the owner confirms a sign-in, for later assessments. It adds nothing to the profile, because the sign-in was
 * learnt when it succeeded.
 *
 * @throws IdentityProblem `FEEDBACK_NOT_TAKEN`, `SESSION_NOT_FOUND`; IdentityError `AUDIT_NOT_WRITTEN`.
 */
export async function confirmSignIn(
  context: FlowContext,
  requester: Requester,
  session: ActiveSession,
  { sessionId }: { sessionId: Types.ObjectId },
): Promise<void> {
  const { id: fromSessionId, userId, risk } = session;
  const doubtful = risk.level === "medium" || risk.level === "high";
  // A thief would say of their own sign-in that it was the owner's, if need be from a second session.
  if (sessionId.equals(fromSessionId) || doubtful) throw new IdentityProblem("FEEDBACK_NOT_TAKEN");
  const feedback = { userId, verdict: "mine", aboutSessionId: sessionId, fromSessionId } as const;
  if (!(await context.identity.risk.recordFeedback(feedback))) throw new IdentityProblem("SESSION_NOT_FOUND");
  await audit(context, requester, {
    ...byOwner(userId, "sign_in.confirmed"),
    targetType: "session",
    targetId: sessionId.toHexString(),
  });
}
