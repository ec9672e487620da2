import type { FastifyReply, FastifyRequest } from "fastify";
import type { Types } from "mongoose";
import { IdentityProblem } from "../../flows/problems.js";
import type { Service } from "../../service.js";
import { requesterOf, setCookie } from "../requests.js";
import { presentedToken } from "./held-session.js";
import { admitSession } from "./impersonated.js";

/**
 * Ends the impersonation that a request comes with, and nothing else, however often: a browser that has none keeps its own
 * session. One that is over already is taken from the browser.
 *
 * @returns the user; `undefined` where it was over.
 * @throws IdentityProblem `SESSION_REQUIRED`, `SESSION_NOT_FOUND` for a session of one's own, `SESSION_INVALID` for a token
 * that is over; IdentityError `AUDIT_NOT_WRITTEN`.
 */
export async function stopImpersonation(
  service: Service,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<Types.ObjectId | undefined> {
  const { cookies, flows, identity } = service;
  const { token, by } = presentedToken(service, request);
  const hasCookie = by === "cookie" && cookies.readImpersonation(request.headers.cookie) !== undefined;
  const check = await identity.sessions.validate(token, { touch: false });
  const isAdmitted = check.ok && (await admitSession(service, request, check.session, by));
  if (!isAdmitted && !hasCookie) {
    throw new IdentityProblem("SESSION_INVALID", { reason: check.ok ? "revoked" : check.reason });
  }
  if (isAdmitted && !check.session.actor) throw new IdentityProblem("SESSION_NOT_FOUND");
  if (isAdmitted) await flows.signOut(requesterOf(service, request), check.session);
  if (hasCookie) setCookie(reply, cookies.endImpersonation());
  return isAdmitted ? check.session.userId : undefined;
}
