// Notes that a session is in use.
import type { Context } from "../../context/context.js";
import { wrongClockMs } from "../../core/clock.js";
import type { RememberedSession } from "../../session-cache/remembered.js";
import { expiryAfterUse, sessionPolicyOf } from "../policy.js";

/** Whether a check is to note the use of a session. */
export function isTouchDue({ now, policies }: Context, session: RememberedSession): boolean {
  const sinceMs = now.getTime() - session.lastSeenAt.getTime();
  // Seen more than a week ahead is what a wrong clock wrote: it is put right, and the idle expiry with it.
  return sinceMs >= policies.sessions.touchIntervalMs || sinceMs <= -wrongClockMs;
}

// The filter on lastSeenAt lets one of many parallel requests write.
export async function touchSession(
  context: Context,
  session: RememberedSession,
): Promise<{ matched: boolean; idleExpiresAt: Date }> {
  const { models, now } = context;
  const expiry = expiryAfterUse(session, now, sessionPolicyOf(context));
  const { matchedCount } = await models.UserSession.collection.updateOne(
    {
      _id: session._id,
      userId: session.userId,
      lastSeenAt: session.lastSeenAt,
      revokedAt: null,
      slot: { $gte: 0 },
    },
    { $set: { lastSeenAt: now, ...expiry } },
  );
  return { matched: matchedCount === 1, idleExpiresAt: expiry.idleExpiresAt };
}
