import type { ActiveSession } from "@org/db-models";
import { assessSession, type Policy, type SessionAssessment } from "@org/risk-engine";
import { audit, byOwner } from "../audit.js";
import type { FlowContext } from "../context.js";
import { isSuspect } from "../networks.js";
import type { Requester } from "../requester.js";
import { usualRequestsPerMinute } from "./request-rates.js";
import { codesOf, recordHighRisk, rounded } from "./risk.js";

/**
 * Assesses a live session again by the changes since its sign-in: at most once per touch interval, as it is used.
 *
 * @returns false when the session was ended for it.
 */
export async function judgeSession(
  context: FlowContext,
  requester: Requester,
  session: ActiveSession,
): Promise<boolean> {
  // Who acts for the user is not like the user, and need not be.
  if (session.actor) return true;
  const assessment = await assessNow(context, requester, session);
  if (!assessment || assessment.reasons.length === 0) return true;
  const { id: sessionId, userId } = session;
  const { level, reasons } = assessment;
  const risk = { score: rounded(assessment.score), level, reasons: codesOf(reasons) };
  const raised = await context.identity.sessions.raiseRisk({ userId, sessionId, risk });
  if (raised && level === "high" && session.risk.level !== "high") {
    await recordHighRisk(context, requester, { userId, sessionId, reasons: risk.reasons });
  }
  if (assessment.action !== "deny") return true;
  await context.identity.sessions.revoke({ userId, sessionId, reason: "risk" });
  await audit(context, requester, byOwner(userId, "session.ended", { reason: "risk" }));
  return false;
}

async function assessNow(
  context: FlowContext,
  requester: Requester,
  session: ActiveSession,
): Promise<SessionAssessment | undefined> {
  const policy = context.riskPolicy;
  if (!policy) return undefined;
  const begun = await context.identity.sessions.readStart({
    userId: session.userId,
    sessionId: session.id,
  });
  if (!begun) return undefined;
  const { ip, userAgent, location, risk, createdAt } = begun;
  const now = context.clock.now();
  const score = risk.signInScore ?? risk.score ?? null;
  const suspect = (address: string | undefined) => isSuspect(context, requester.log, address, now);
  return assessSession({
    start: {
      at: createdAt.getTime(),
      score,
      ip,
      userAgent,
      country: location?.country,
      flagged: suspect(ip),
    },
    current: {
      at: now.getTime(),
      ip: requester.address,
      userAgent: requester.userAgent,
      country: requester.located?.location.country,
      flagged: suspect(requester.address),
      ...(await requestRates(context, session, begun.apiUsage.requests, policy)),
    },
    policy,
  });
}

/** How fast the session calls; what is usual for its user is read only when that could matter. */
async function requestRates(
  context: FlowContext,
  session: ActiveSession,
  requests: number,
  policy: Policy,
): Promise<{ requestsPerMinute: number; usualRequestsPerMinute?: number }> {
  const now = context.clock.now();
  const requestsPerMinute = context.requestRates.perMinute(session, requests, now);
  if (requestsPerMinute <= policy.session.requestFloor) return { requestsPerMinute };
  const usual = await usualRequestsPerMinute(context.identity.models, session.userId, now);
  return { requestsPerMinute, usualRequestsPerMinute: usual };
}
