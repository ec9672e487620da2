import type { RiskFeedbackInput } from "@org/db-models";
import type { FastifyRequest } from "fastify";
import type { Types } from "mongoose";
import { sessionOf } from "../plugins/authentication.js";
import type { Service } from "../service.js";
import { audit, byOwner } from "./audit.js";
import { ApiError } from "./problems.js";

/**
 * Takes what the owner says of a sign-in: it is kept for the judgement of later ones, and a session that is disowned
 * ends. There is nothing to learn from a sign-in that is confirmed, for whoever was let in was learnt then.
 *
 * @throws ApiError `FEEDBACK_NOT_TAKEN`, `SESSION_NOT_FOUND`; IdentityError `AUDIT_NOT_WRITTEN`.
 */
export async function takeFeedback(
  service: Service,
  request: FastifyRequest,
  { sessionId, verdict }: { sessionId: Types.ObjectId; verdict: RiskFeedbackInput["verdict"] },
): Promise<void> {
  const { id: fromSessionId, userId, risk } = sessionOf(request);
  const doubtful = risk.level === "medium" || risk.level === "high";
  // A thief would say of their own sign-in that it was the owner's, if need be from a second session.
  if (sessionId.equals(fromSessionId) || (verdict === "mine" && doubtful)) {
    throw new ApiError("FEEDBACK_NOT_TAKEN");
  }
  const feedback = { userId, verdict, aboutSessionId: sessionId, fromSessionId };
  if (!(await service.identity.risk.recordFeedback(feedback))) throw new ApiError("SESSION_NOT_FOUND");
  if (verdict === "not_mine") {
    await service.identity.sessions.revoke({ userId, sessionId, reason: "risk" });
    // Without a network or device: those at hand are of the one who reports.
    const event = { userId, sessionId, kind: "risk_high", severity: "critical" } as const;
    await service.identity.securityEvents.record({ ...event, reasons: ["reported"] });
  }
  const action = verdict === "mine" ? "sign_in.confirmed" : "sign_in.reported";
  await audit(service, request, {
    ...byOwner(userId, action),
    targetType: "session",
    targetId: sessionId.toHexString(),
  });
}
