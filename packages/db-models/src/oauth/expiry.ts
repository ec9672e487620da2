import { retentionOf } from "../context/retention.js";
import type { IdentityModels } from "../schemas/models.js";

interface Expiry {
  expiresAt: Date;
  purgeAt: Date;
}

/** The dates of an authorization that is used now: it ends when nobody uses it, never later than it must. */
export function expiryFrom(
  models: IdentityModels,
  now: Date,
  idleMs: number,
  absoluteExpiresAt: Date,
): Expiry {
  const expiresAt = Math.min(now.getTime() + idleMs, absoluteExpiresAt.getTime());
  return {
    expiresAt: new Date(expiresAt),
    purgeAt: new Date(expiresAt + retentionOf(models).tokensMs),
  };
}
