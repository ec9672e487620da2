import type { Context } from "../context/context.js";
import { parseToken, type Token } from "../core/secrets.js";
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

export async function validateLegacySession(context: Context, token: unknown): Promise<SessionCheck> {
  return checkToken(context, parseLegacyToken(token));
}
