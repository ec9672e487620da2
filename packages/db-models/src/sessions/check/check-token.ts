// Decides on a token from the session that was read for it.
import type { Context } from "../../context/context.js";
import type { Token } from "../../core/secrets.js";
import { endOfImpersonation } from "../../impersonators/live.js";
import { sessionPolicyOf } from "../policy.js";
import { accepted, type SessionCheck } from "./answer.js";
import { type CheckedSession, refusalOfToken } from "./judge.js";
import { isTouchDue, touchSession } from "./touch.js";

/** Decision on a token and the session that has just been read for it; notes its use where that is due. */
export async function checkToken(
  context: Context,
  token: Token,
  session: CheckedSession | undefined,
  touch = true,
): Promise<SessionCheck> {
  const reason = refusalOfToken(session, token, context.now, sessionPolicyOf(context));
  if (reason || !session) return { ok: false, reason: reason ?? "unknown" };
  if (session.impersonation && (await endOfImpersonation(context, session)))
    return { ok: false, reason: "revoked" };
  if (!touch || !isTouchDue(context, session)) return accepted(session, undefined);
  const { idleExpiresAt } = await touchSession(context, session);
  return accepted(session, idleExpiresAt);
}
