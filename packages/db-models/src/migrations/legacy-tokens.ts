import type { SessionPolicy } from "../core/policies/sessions.js";
import { parseToken, type Token } from "../core/secrets.js";
import type { IdentityModels } from "../schemas/models.js";
import { checkToken, type SessionCheck } from "../sessions/validate.js";

const legacyForm = /^[0-9a-f]{64}$/;

/** Reads a token of the old layout, which is its own handle: 64 hexadecimal characters. */
function parseLegacyToken(presented: unknown): Token | undefined {
  if (typeof presented !== "string" || !legacyForm.test(presented)) return undefined;
  return { raw: presented, handle: presented };
}

/** Reads a token of either layout. */
export function parseEitherToken(presented: unknown): Token | undefined {
  return parseToken("session", presented) ?? parseLegacyToken(presented);
}

/**
 * Decides whether a cookie of the old layout stands for a live session of `user_sessions`, as `validateSession` does:
 * for a service whose migration is over, until the last of those sessions has expired.
 *
 * @param token - as presented; anything that is no such token is refused, never thrown at.
 * @throws IdentityError `SCHEMA_TOO_NEW`.
 */
export async function validateLegacySession(
  models: IdentityModels,
  token: unknown,
  now: Date,
  policy: Partial<SessionPolicy> = {},
): Promise<SessionCheck> {
  return checkToken(models, parseLegacyToken(token), now, policy);
}
