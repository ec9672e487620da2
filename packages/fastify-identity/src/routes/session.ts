import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { IdentityProblem } from "../flows/problems.js";
import { forgetRefused } from "../http/guards/guard.js";
import { forgetSession, handOver, heldSession, presentedToken } from "../http/guards/held-session.js";
import { sessionOf } from "../http/guards/identity-of.js";
import { hasImpersonation } from "../http/guards/impersonated.js";
import { stopImpersonation } from "../http/guards/stop-impersonation.js";
import { passwordRateLimit } from "../http/rate-limit.js";
import { requesterOf, stateOf } from "../http/requests.js";
import type { ServiceOptions } from "../service.js";
import { passkeyRequest } from "./schemas/factors.js";
import { currentSession, refreshed, renewed, stepUpBody } from "./schemas/sessions.js";

const tags = ["sessions"];
// Level 0: also for who must have a second factor and has not enrolled one.
const access = { acr: 0 } as const;

/** The session of the request itself. */
export const sessionRoutes: FastifyPluginAsyncZod<ServiceOptions> = async (app, { service }) => {
  const { identity } = service;

  app.get(
    "/session",
    {
      config: { identity: access, impersonated: true },
      schema: {
        tags,
        summary: "Check the session",
        description: "One indexed read. Using a session moves its idle expiry, and the cookie's with it.",
        response: { 200: currentSession },
      },
    },
    async (request) => sessionOf(request),
  );

  app.post(
    "/session/refresh",
    {
      config: { identity: "public", identityProblems: ["SESSION_REQUIRED", "SESSION_INVALID"] },
      schema: {
        tags,
        summary: "Rotate the session's token",
        description:
          "The token before it stays good for a short grace, in which a retry gets the same answer. Using it later " +
          "ends the session, for somebody has a copy.",
        security: [{ cookie: [] }, { bearer: [] }],
        response: { 200: refreshed },
      },
    },
    async (request, reply) => {
      const presented = presentedToken(service, request);
      const result = await identity.sessions.refresh(presented.token);
      if (!result.ok) {
        const refused = new IdentityProblem("SESSION_INVALID", { reason: result.reason });
        if (presented.by === "cookie") forgetRefused(service, request, reply, refused);
        throw refused;
      }
      const { sessionId: id, ok: _, token, ...rest } = result;
      stateOf(request).countedFor = { userId: result.userId, sessionId: id };
      handOver(service, reply, presented, result);
      return { ...rest, id, ...(presented.by === "bearer" && { token }) };
    },
  );

  app.post(
    "/session/authentication/passkey",
    {
      config: {
        identity: access,
        rateLimit: passwordRateLimit(service),
        identityProblems: ["FACTOR_NOT_FOUND", "PASSKEYS_NOT_CONFIGURED"],
      },
      schema: {
        tags,
        summary: "Options for proving again who you are with a passkey",
        description:
          "For `navigator.credentials.get()`; what it gives goes to `POST /v1/session/authentication`.",
        response: { 201: passkeyRequest },
      },
    },
    async (request, reply) => {
      const { userId } = sessionOf(request);
      const { options, ...begun } = await service.flows.beginPasskey({ userId });
      return reply.code(201).send({ ...begun, options: { ...options } });
    },
  );

  app.post(
    "/session/authentication",
    {
      config: {
        identity: access,
        rateLimit: passwordRateLimit(service),
        identityProblems: [
          "SIGN_IN_DELAYED",
          "BAD_CREDENTIALS",
          "CHALLENGE_FAILED",
          "PASSKEYS_NOT_CONFIGURED",
          "SEAL_KEY_MISSING",
          "SEAL_BROKEN",
          "AUDIT_NOT_WRITTEN",
        ],
      },
      schema: {
        tags,
        summary: "Prove again who you are",
        description:
          "With the password, a passkey, a code of the authenticator app, a recovery code, or the password and one of them. The " +
          "session stays, counts as signed in now and has the proofs in `amr` and `acr`; its token is replaced, " +
          "without a grace.",
        body: stepUpBody,
        response: { 200: renewed },
      },
    },
    async (request, reply) => {
      const held = heldSession(service, request);
      const { token, ...expiry } = await service.flows.authenticateAgain(
        requesterOf(service, request),
        held,
        request.body,
        (next) => handOver(service, reply, held, next),
      );
      const { userId } = held.session;
      return { ...expiry, userId, ...(held.by === "bearer" && { token }) };
    },
  );

  app.delete(
    "/session",
    {
      config: { identity: access, identityProblems: ["AUDIT_NOT_WRITTEN"] },
      schema: {
        tags,
        summary: "Sign out",
        description:
          "Refused to an administrator who acts for a user: `DELETE /v1/session/impersonation` stops that.",
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      await service.flows.signOut(requesterOf(service, request), sessionOf(request));
      forgetSession(service, request, reply);
      return reply.code(204).send(null);
    },
  );

  if (!hasImpersonation(service)) return;
  app.delete(
    "/session/impersonation",
    {
      config: {
        identity: "public",
        impersonated: true,
        identityProblems: ["SESSION_REQUIRED", "SESSION_INVALID", "SESSION_NOT_FOUND", "AUDIT_NOT_WRITTEN"],
      },
      schema: {
        tags,
        summary: "Stop acting for a user",
        description:
          "The administrator is who they are again. Answers 204 to a browser in which it was over already, and 404 to a session " +
          "of one's own, which goes on.",
        security: [{ cookie: [] }, { bearer: [] }],
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      await stopImpersonation(service, request, reply);
      return reply.code(204).send(null);
    },
  );
};
