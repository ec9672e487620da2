import type { ActiveSession, RefreshableAuthorization, RequestingApp } from "@org/db-models";
import { audit, byOwner } from "../flows/audit.js";
import type { Requester } from "../flows/requester.js";
import { judgeSession } from "../flows/sign-in/session-risk.js";
import type { Provider } from "./provider.js";

/** Life of an access token where the session that it goes back to is in doubt, milliseconds. */
const doubtfulLifetimeMs = 60_000;

/**
 * The longest life of an access token that a refresh gives: short where the session that authorized the app is judged
 * medium or high by now, so that the app asks again soon. The reasons go to the audit trail.
 */
export async function lifetimeAtRefresh(
  { service }: Provider,
  requester: Requester,
  clientId: string,
  { userId, facts }: RefreshableAuthorization,
): Promise<number | undefined> {
  if (!service.riskPolicy || !userId || !facts.sessionId) return undefined;
  const { sessions } = service.identity;
  const { level, reasons } = (await sessions.readStart({ userId, sessionId: facts.sessionId }))?.risk ?? {
    level: "unscored",
    reasons: [],
  };
  if (level !== "medium" && level !== "high") return undefined;
  const details = { client: clientId, riskLevel: level, reasons: reasons.join(" ").slice(0, 512) };
  await audit(service, requester, {
    ...byOwner(userId, "oauth.refresh_shortened", details),
    outcome: "denied",
  });
  return doubtfulLifetimeMs;
}

/**
 * Whether a session is too unlike its owner for an app to get a code without a proof. The session is judged now, by the
 * network and device of this request; a proof of the last while outweighs the doubt. The reasons go to the audit trail.
 */
export async function isInDoubt(
  { service }: Provider,
  session: ActiveSession,
  requester: Requester,
  app: RequestingApp,
): Promise<boolean> {
  if (!service.riskPolicy || session.actor) return false;
  const goesOn = await judgeSession(service, requester, session);
  const { userId } = session;
  const start = goesOn
    ? await service.identity.sessions.readStart({ userId, sessionId: session.id })
    : undefined;
  const { level, reasons } = start?.risk ?? { level: "high", reasons: ["session_ended"] };
  const ageMs = service.clock.now().getTime() - session.authenticatedAt.getTime();
  const isProved = ageMs <= service.recentAuthenticationMs && level === "medium";
  if ((level !== "medium" && level !== "high") || isProved) return false;
  const details = { client: app.clientId, riskLevel: level, reasons: reasons.join(" ").slice(0, 512) };
  const event = byOwner(userId, "oauth.doubted", details);
  await audit(service, requester, { ...event, outcome: "denied" });
  return true;
}
