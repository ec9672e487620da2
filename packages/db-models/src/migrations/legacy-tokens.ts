import type { Context } from "../context/context.js";
import { type LocatedToken, parseToken, sha256, type Token } from "../core/secrets.js";
import { queries } from "../queries/queries.js";
import { runQuery } from "../queries/run-query.js";
import type { IdentityModels } from "../schemas/models.js";
import type { SessionCheck } from "../sessions/check/answer.js";
import { checkToken } from "../sessions/check/check-token.js";
import { findChecked } from "../sessions/check/find.js";
import { readSessionFacts, type SessionFacts } from "../stored/session.js";

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

/** True for a token that says where its session is. */
export function isLocated(token: Token): token is LocatedToken {
  return token.place !== undefined;
}

/** The session in `user_sessions` that a token of either layout leads to. */
export function findByEither(models: IdentityModels, token: Token): Promise<SessionFacts | undefined> {
  return isLocated(token) ? findChecked(models, token) : findByLegacyToken(models, token);
}

// No index keeps two users from one token on a sharded cluster: if two sessions have it, it stands for neither.
async function findByLegacyToken(models: IdentityModels, token: Token): Promise<SessionFacts | undefined> {
  const [stored, other] = await runQuery(models, queries.sessionsByLegacyToken(sha256(token.raw)));
  return stored && !other ? readSessionFacts(stored) : undefined;
}

export async function validateLegacySession(context: Context, presented: unknown): Promise<SessionCheck> {
  const token = parseLegacyToken(presented);
  if (!token) return { ok: false, reason: "malformed" };
  return checkToken(context, token, await findByLegacyToken(context.models, token));
}
