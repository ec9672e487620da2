import { randomKey } from "@org/db-models/core";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import type { SignedIn } from "../flows/complete-sign-in.js";
import { passwordRateLimit } from "../http/rate-limit.js";
import { requesterOf, setCookie, stateOf } from "../http/requests.js";
import type { Service, ServiceOptions } from "../service.js";
import { challengeBody, signedIn, signInBody } from "./sessions.schemas.js";

/** Problems of every way of signing in: see `completeSignIn`. */
const completionProblems = [
  "SIGN_IN_DENIED",
  "SIGN_IN_REFUSED",
  "HOOK_FAILED",
  "USER_NOT_ACTIVE",
  "ADDRESS_NOT_ALLOWED",
  "SESSION_LIMIT_REACHED",
  "SESSIONS_REVOKED",
  "CONTENTION",
  "AUDIT_NOT_WRITTEN",
] as const;

/** Signing in. */
export const signInRoutes: FastifyPluginAsyncZod<ServiceOptions> = async (app, { service }) => {
  app.post(
    "/sessions",
    {
      config: {
        identity: "public",
        rateLimit: passwordRateLimit(service),
        identityProblems: [
          ...completionProblems,
          "SIGN_IN_DELAYED",
          "CHALLENGE_REQUIRED",
          "CHALLENGE_LIMIT",
          "NOTICE_NOT_SENT",
          "BAD_CREDENTIALS",
        ],
      },
      schema: {
        tags: ["sessions"],
        summary: "Sign in",
        description:
          "Opens a session under the account's cap. Sets the session cookie, or returns the token. A live session of the " +
          "same account that the request's cookie stands for ends: the new one takes its place. After several " +
          "failures the next attempt has to wait, longer each time; a device that was signed in before does not. A " +
          "sign-in that is unlike the account's owner gets `CHALLENGE_REQUIRED` with a `challenge`, and the owner a " +
          "code: together they end it at `POST /v1/sessions/challenge`.",
        body: signInBody,
        response: { 201: signedIn },
      },
    },
    async (request, reply) => {
      const { delivery, ...credentials } = request.body;
      const deviceCookie = deviceOf(service, request, delivery);
      const input = { ...credentials, deviceCookie };
      const opened = await service.flows.signIn(requesterOf(service, request), input);
      return answer(service, request, reply, opened, { delivery, deviceCookie });
    },
  );

  app.post(
    "/sessions/challenge",
    {
      config: {
        identity: "public",
        rateLimit: passwordRateLimit(service),
        identityProblems: [...completionProblems, "CHALLENGE_FAILED", "USER_NOT_FOUND"],
      },
      schema: {
        tags: ["sessions"],
        summary: "End a challenged sign-in with the code that was sent",
        description: "A code is good for ten minutes, five attempts and one use.",
        body: challengeBody,
        response: { 201: signedIn },
      },
    },
    async (request, reply) => {
      const { delivery, ...answered } = request.body;
      const deviceCookie = deviceOf(service, request, delivery);
      const input = { ...answered, deviceCookie };
      const opened = await service.flows.answerChallenge(requesterOf(service, request), input);
      return answer(service, request, reply, opened, { delivery, deviceCookie });
    },
  );
};

type Delivery = "cookie" | "token";

function deviceOf(service: Service, request: FastifyRequest, delivery: Delivery): string | undefined {
  return requesterOf(service, request).deviceId ?? (delivery === "cookie" ? randomKey() : undefined);
}

interface Delivered {
  readonly delivery: Delivery;
  readonly deviceCookie: string | undefined;
}

function answer(
  service: Service,
  request: FastifyRequest,
  reply: FastifyReply,
  { token, userId, ...session }: SignedIn,
  { delivery, deviceCookie }: Delivered,
) {
  stateOf(request).countedFor = { userId, sessionId: session.id };
  const { cookies, clock } = service;
  if (delivery === "cookie") setCookie(reply, cookies.session(token, session.idleExpiresAt, clock.now()));
  if (deviceCookie) setCookie(reply, cookies.device(deviceCookie));
  const opened = { ...session, userId, ...(delivery === "token" && { token }) };
  const location = `${request.server.prefix}/sessions/${session.id.toHexString()}`;
  return reply.code(201).header("location", location).send(opened);
}
