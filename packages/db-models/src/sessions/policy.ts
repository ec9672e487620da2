import { retentionOf } from "../context/retention.js";
import { defaultSessionPolicy, type SessionPolicy } from "../core/policies/sessions.js";
import type { IdentityModels } from "../schemas/models.js";

/** The policy of a database, with what a caller wants different. */
export function sessionPolicyOf(models: IdentityModels, changes: Partial<SessionPolicy> = {}): SessionPolicy {
  return { ...defaultSessionPolicy, retentionMs: retentionOf(models).sessionsMs, ...changes };
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
