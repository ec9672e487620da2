import type { Context } from "../context/context.js";

interface Expiry {
  expiresAt: Date;
  purgeAt: Date;
}

/** The dates of an authorization that is used now: it ends when nobody uses it, never later than it must. */
export function expiryFrom(
  context: Pick<Context, "policies" | "now">,
  idleMs: number,
  absoluteExpiresAt: Date,
): Expiry {
  const { now } = context;
  const expiresAt = Math.min(now.getTime() + idleMs, absoluteExpiresAt.getTime());
  return {
    expiresAt: new Date(expiresAt),
    purgeAt: new Date(expiresAt + context.policies.retention.tokensMs),
  };
}
