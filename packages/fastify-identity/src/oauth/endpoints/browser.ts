import type { ActiveSession } from "@org/db-models";
import { randomKey, sha256 } from "@org/db-models/core";
import type { FastifyReply, FastifyRequest } from "fastify";
import { IdentityProblem } from "../../flows/problems.js";
import { forgetRefused } from "../../http/guards/guard.js";
import { admitSession } from "../../http/guards/impersonated.js";
import { requesterOf, setCookie } from "../../http/requests.js";
import type { Provider } from "../provider.js";

/** The session of the browser that made a request, judged as those of guarded routes are. */
export async function sessionOfRequest(
  { service }: Provider,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<ActiveSession | undefined> {
  const { cookies, flows, clock } = service;
  const token = cookies.readSession(request.headers.cookie);
  if (token === undefined) return undefined;
  try {
    const { session, touched } = await flows.checkSession(requesterOf(service, request), token);
    if (!(await admitSession(service, request, session, "cookie"))) return undefined;
    if (touched && !session.actor)
      setCookie(reply, cookies.session(token, session.idleExpiresAt, clock.now()));
    return session;
  } catch (error) {
    if (!(error instanceof IdentityProblem) || error.code !== "SESSION_INVALID") throw error;
    forgetRefused(service, request, reply, error);
    return undefined;
  }
}

/** A hash of the key that the browser keeps: what was begun in it goes on in no other. */
export function browserHashOf({ site }: Provider, request: FastifyRequest, reply: FastifyReply): Buffer {
  const known = site.cookies.read(request.headers.cookie, "browser");
  const key = known && /^[\w-]{43}$/.test(known) ? known : randomKey();
  if (key !== known) setCookie(reply, site.cookies.set("browser", key));
  return sha256(key);
}
