import type { IdentityModels } from "../models.js";
import { defaultRetention, retentionOf } from "../retention.js";
import { duration } from "../schemas/common.js";

/** What holds for every session of a service; what differs per user is in `user.security`. */
export interface SessionPolicy {
  /** A session in use is written at most once in this many milliseconds. Default one minute. */
  touchIntervalMs: number;
  /** After a rotation the token before it stays good this long, for requests under way and retries. Default 30 s. */
  rotationGraceMs: number;
  /** An ended session is kept this long, for the user's history. Default: the database's retention, 30 days. */
  retentionMs: number;
}

export const defaultSessionPolicy: SessionPolicy = {
  touchIntervalMs: duration.minute,
  rotationGraceMs: 30 * duration.second,
  retentionMs: defaultRetention.sessionsMs,
};

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
