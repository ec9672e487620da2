import { randomKey } from "@org/db-models/core";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { type SignedIn, signIn, signInByCode } from "../flows/sign-in.js";
import { passwordRateLimit } from "../plugins/rate-limit.js";
import type { ServiceOptions } from "../service.js";
import { challengeBody, signedIn, signInBody } from "./sessions.schemas.js";

/** Signing in. */
export const signInRoutes: FastifyPluginAsyncZod<ServiceOptions> = async (app, { service }) => {
  app.post(
    "/sessions",
    {
      config: {
        rateLimit: passwordRateLimit(service),
        problems: [
          "SIGN_IN_DELAYED",
          "CHALLENGE_REQUIRED",
          "CHALLENGE_LIMIT",
          "NOTICE_NOT_SENT",
          "SIGN_IN_DENIED",
          "BAD_CREDENTIALS",
          "USER_NOT_ACTIVE",
          "ADDRESS_NOT_ALLOWED",
          "SESSION_LIMIT_REACHED",
          "SESSIONS_REVOKED",
          "CONTENTION",
          "AUDIT_NOT_WRITTEN",
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
      const device = deviceOf(request, delivery);
      const opened = await signIn(service, credentials, request, device);
      return deliver(request, reply, opened, delivery, device);
    },
  );

  app.post(
    "/sessions/challenge",
    {
      config: {
        rateLimit: passwordRateLimit(service),
        problems: [
          "CHALLENGE_FAILED",
          "USER_NOT_FOUND",
          "USER_NOT_ACTIVE",
          "ADDRESS_NOT_ALLOWED",
          "SESSION_LIMIT_REACHED",
          "SESSIONS_REVOKED",
          "CONTENTION",
          "AUDIT_NOT_WRITTEN",
        ],
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
      const { delivery, ...answer } = request.body;
      const device = deviceOf(request, delivery);
      const opened = await signInByCode(service, answer, request, device);
      return deliver(request, reply, opened, delivery, device);
    },
  );
};

type Delivery = "cookie" | "token";

function deviceOf(request: FastifyRequest, delivery: Delivery): string | undefined {
  return request.deviceCookie() ?? (delivery === "cookie" ? randomKey() : undefined);
}

function deliver(
  request: FastifyRequest,
  reply: FastifyReply,
  { token, userId, ...session }: SignedIn,
  delivery: Delivery,
  device: string | undefined,
) {
  request.actor = { userId, sessionId: session.id };
  if (delivery === "cookie") reply.setSessionCookie(token, session.idleExpiresAt);
  if (device) reply.setDeviceCookie(device);
  const answer = { ...session, userId, ...(delivery === "token" && { token }) };
  return reply.code(201).header("location", `/v1/sessions/${session.id.toHexString()}`).send(answer);
}
