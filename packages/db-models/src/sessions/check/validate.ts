// Checks the session of a request.
import type { Context } from "../../context/context.js";
import { parseToken } from "../../core/secrets.js";
import { malformed, type SessionCheck } from "./answer.js";
import { checkToken } from "./check-token.js";
import { findChecked } from "./find.js";
import { checkFromMemory } from "./from-memory.js";

export interface ValidationOptions {
  /** False leaves the use unnoted: the check writes nothing, and the idle expiry does not move. Default true. */
  touch?: boolean;
}

export function validateSession(
  context: Context,
  token: unknown,
  { touch = true }: ValidationOptions = {},
): Promise<SessionCheck> {
  const { cache, models } = context;
  if (cache) return checkFromMemory(context, cache, token, touch);
  const parsed = parseToken("session", token);
  if (!parsed) return Promise.resolve(malformed);
  return findChecked(models, parsed).then((session) => checkToken(context, parsed, session, touch));
}
