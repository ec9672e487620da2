import type { ActiveSession } from "@org/db-models";
import { assessSession, type Policy, type SessionAssessment } from "@org/risk-engine";
import type { FastifyRequest } from "fastify";
import type { Service } from "../service.js";
import { audit, byOwner } from "./audit.js";
import { usualRequestsPerMinute } from "./request-rates.js";
import { codesOf, recordHighRisk, rounded } from "./risk.js";

/**
 * Judges a live session anew by what has changed since its sign-in: at most once per touch interval, as it is used.
 *
 * @returns false when the session was ended for it.
 */
export async function judgeSession(
  service: Service,
  request: FastifyRequest,
  session: ActiveSession,
): Promise<boolean> {
  const assessment = await assessNow(service, request, session);
  if (!assessment || assessment.reasons.length === 0) return true;
  const { id: sessionId, userId } = session;
  const { level, reasons } = assessment;
  const risk = { score: rounded(assessment.score), level, reasons: codesOf(reasons) };
  const raised = await service.identity.sessions.raiseRisk({ sessionId, risk });
  if (raised && level === "high" && session.risk.level !== "high") {
    await recordHighRisk(service, request, { userId, sessionId, reasons: risk.reasons });
  }
  if (assessment.action !== "deny") return true;
  await service.identity.sessions.revoke({ userId, sessionId, reason: "risk" });
  await audit(service, request, byOwner(userId, "session.ended", { reason: "risk" }));
  return false;
}

async function assessNow(
  service: Service,
  request: FastifyRequest,
  session: ActiveSession,
): Promise<SessionAssessment | undefined> {
  const policy = service.riskPolicy;
  if (!policy) return undefined;
  const begun = await service.identity.sessions.readStart(session.id);
  if (!begun) return undefined;
  const { ip, userAgent, location, risk, createdAt } = begun;
  const now = service.clock.now();
  const score = risk.signInScore ?? risk.score ?? null;
  const isSuspect = (address: string | undefined) => service.networkLists.isSuspect(address, now);
  return assessSession({
    start: {
      at: createdAt.getTime(),
      score,
      ip,
      userAgent,
      country: location?.country,
      flagged: isSuspect(ip),
    },
    current: {
      at: now.getTime(),
      ip: request.clientAddress,
      userAgent: request.headers["user-agent"],
      country: service.locate(request)?.location.country,
      flagged: isSuspect(request.clientAddress),
      ...(await requestRates(service, session, begun.apiUsage.requests, policy)),
    },
    policy,
  });
}

/** How fast the session calls; what is usual for its user is read only when that could matter. */
async function requestRates(
  service: Service,
  session: ActiveSession,
  requests: number,
  policy: Policy,
): Promise<{ requestsPerMinute: number; usualRequestsPerMinute?: number }> {
  const now = service.clock.now();
  const requestsPerMinute = service.requestRates.perMinute(session, requests, now);
  if (requestsPerMinute <= policy.session.requestFloor) return { requestsPerMinute };
  const usual = await usualRequestsPerMinute(service.identity.models, session.userId, now);
  return { requestsPerMinute, usualRequestsPerMinute: usual };
}
