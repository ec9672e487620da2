import { randomKey } from "@org/db-models/core";
import type { FastifyReply, FastifyRequest } from "fastify";
import { IdentityProblem } from "../flows/problems.js";
import type { Requester } from "../flows/requester.js";
import type { SignedIn } from "../flows/sign-in/complete/candidate.js";
import { handSession, noteOpened, requesterOf, setCookie } from "../http/requests.js";
import type { Service } from "../service.js";

/** Problems of every way of signing in: see `completeSignIn`. */
export const completionProblems = [
  "SIGN_IN_DENIED",
  "SIGN_IN_DELAYED",
  "CHALLENGE_REQUIRED",
  "CHALLENGE_LIMIT",
  "NOTICE_NOT_SENT",
  "SIGN_IN_REFUSED",
  "HOOK_FAILED",
  "USER_NOT_ACTIVE",
  "ADDRESS_NOT_ALLOWED",
  "SESSION_LIMIT_REACHED",
  "SESSIONS_REVOKED",
  "CONTENTION",
  "AUDIT_NOT_WRITTEN",
] as const;

/** How a client gets a secret: a browser by a cookie, a program in the answer. */
export type Delivery = "cookie" | "token";

/** Signs in, and hands the session over. A browser whose sign-in is held keeps its device cookie: it goes on only with it. */
export async function signInBy(
  service: Service,
  request: FastifyRequest,
  reply: FastifyReply,
  delivery: Delivery,
  signIn: (requester: Requester, deviceCookie: string | undefined) => Promise<SignedIn>,
) {
  const { cookies } = service;
  const requester = requesterOf(service, request);
  const deviceCookie = requester.deviceId ?? (delivery === "cookie" ? randomKey() : undefined);
  const keepDevice = () => deviceCookie && setCookie(reply, cookies.device(deviceCookie));
  const { token, userId, ...session } = await signIn(requester, deviceCookie).catch((error: unknown) => {
    if (error instanceof IdentityProblem && error.code === "CHALLENGE_REQUIRED") keepDevice();
    throw error;
  });
  noteOpened(request, { userId, id: session.id });
  if (delivery === "cookie") handSession(service, request, reply, { token, ...session });
  keepDevice();
  const opened = { ...session, userId, ...(delivery === "token" && { token }) };
  const location = `${request.server.prefix}/sessions/${session.id.toHexString()}`;
  return reply.code(201).header("location", location).send(opened);
}
