import type { Context } from "../context/context.js";
import type { SessionPolicy } from "../core/policies/sessions.js";

/** Policy for all sessions of an identity object. */
export function sessionPolicyOf({ policies }: Pick<Context, "policies">): SessionPolicy {
  return { ...policies.sessions, retentionMs: policies.retention.sessionsMs };
}

/** The two dates that move when a session is used: idle expiry never passes the absolute one. */
export function expiryAfterUse(
  session: { idleTimeoutMs: number; absoluteExpiresAt: Date },
  now: Date,
  policy: SessionPolicy,
): { idleExpiresAt: Date; purgeAt: Date } {
  const idle = Math.min(now.getTime() + session.idleTimeoutMs, session.absoluteExpiresAt.getTime());
  return { idleExpiresAt: new Date(idle), purgeAt: new Date(idle + policy.retentionMs) };
}
