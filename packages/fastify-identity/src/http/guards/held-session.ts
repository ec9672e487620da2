import type { RenewedSession } from "@org/db-models";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { HeldSession } from "../../flows/account/accounts.js";
import { IdentityProblem } from "../../flows/problems.js";
import type { Service } from "../../service.js";
import { setCookie } from "../requests.js";
import { type Credential, credentialOf } from "./credentials.js";
import { sessionOf } from "./identity-of.js";

/** The session token that a request presents, whatever becomes of it. */
export type PresentedToken = Pick<Credential, "by"> & { readonly token: string };

/** @throws IdentityProblem `SESSION_REQUIRED` */
export function presentedToken(service: Service, request: FastifyRequest): PresentedToken {
  const credential = credentialOf(service, request);
  if (credential?.kind !== "session") throw new IdentityProblem("SESSION_REQUIRED");
  return { token: credential.value, by: credential.by };
}

/** The session of a guarded route, with the token that it came with. */
export function heldSession(service: Service, request: FastifyRequest): HeldSession & PresentedToken {
  return { ...presentedToken(service, request), session: sessionOf(request) };
}

/** Has the browser forget a session that is over; who came by a token may have another one in the browser. */
export function forgetSession(service: Service, request: FastifyRequest, reply: FastifyReply): void {
  if (presentedToken(service, request).by === "cookie") setCookie(reply, service.cookies.endSession());
}

/** Hands a session's next token to a browser; a program finds it in the answer. */
export function handOver(
  service: Service,
  reply: FastifyReply,
  { by }: Pick<PresentedToken, "by">,
  { token, idleExpiresAt }: Pick<RenewedSession, "token" | "idleExpiresAt">,
): void {
  if (by === "cookie") setCookie(reply, service.cookies.session(token, idleExpiresAt, service.clock.now()));
}
