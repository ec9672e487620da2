import type { Context } from "../context/context.js";
import { duration } from "../core/limits.js";
import type { SessionPolicy } from "../core/policies/sessions.js";

/** Policy for all sessions of an identity object. */
export function sessionPolicyOf({ policies }: Pick<Context, "policies">): SessionPolicy {
  return { ...policies.sessions, retentionMs: policies.retention.sessionsMs };
}

/** The dates that move when a session is used: idle expiry never passes the absolute one. */
export function expiryAfterUse(
  session: { idleTimeoutMs: number; absoluteExpiresAt: Date },
  now: Date,
  policy: SessionPolicy,
): { idleExpiresAt: Date; purgeAt: Date } {
  const idle = Math.min(now.getTime() + session.idleTimeoutMs, session.absoluteExpiresAt.getTime());
  return { idleExpiresAt: new Date(idle), purgeAt: purgeAtAfter(idle + policy.retentionMs) };
}

/** The midnight (UTC) at or after a moment: a session that is used all day moves in the index of purge dates once. */
export function purgeAtAfter(moment: number): Date {
  return new Date(Math.ceil(moment / duration.day) * duration.day);
}

/** An aggregation expression: {@link purgeAtAfter} of milliseconds. */
export function purgeAtExpression(milliseconds: unknown): Record<string, unknown> {
  const days = { $ceil: { $divide: [milliseconds, duration.day] } };
  return { $toDate: { $toLong: { $multiply: [days, duration.day] } } };
}
