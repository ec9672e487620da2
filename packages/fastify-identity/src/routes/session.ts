import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { audit, byOwner } from "../flows/audit.js";
import { checkOwnPassword } from "../flows/own-password.js";
import { handOver, sessionOf, sessionRefused } from "../plugins/authentication.js";
import { presentedToken } from "../plugins/credentials.js";
import { passwordRateLimit } from "../plugins/rate-limit.js";
import type { ServiceOptions } from "../service.js";
import { currentSession, passwordBody, refreshed } from "./sessions.schemas.js";

const tags = ["sessions"];

/** The session of the request itself. */
export const sessionRoutes: FastifyPluginAsyncZod<ServiceOptions> = async (app, { service }) => {
  const { identity } = service;

  app.get(
    "/session",
    {
      config: { auth: "session" },
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
      config: { problems: ["SESSION_REQUIRED", "SESSION_INVALID"] },
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
      const presented = presentedToken(request);
      const result = await identity.sessions.refresh(presented.value);
      if (!result.ok) throw sessionRefused(reply, presented, result.reason);
      const { sessionId: id, ok: _, token: __, ...rest } = result;
      request.actor = { userId: result.userId, sessionId: id };
      return { ...rest, id, ...handOver(reply, presented, result) };
    },
  );

  app.post(
    "/session/authentication",
    {
      config: {
        auth: "session",
        rateLimit: passwordRateLimit(service),
        problems: ["SIGN_IN_DELAYED", "BAD_CREDENTIALS", "AUDIT_NOT_WRITTEN"],
      },
      schema: {
        tags,
        summary: "Prove again who you are",
        description:
          "With the password. The session stays and counts as signed in now; its token is replaced, without a grace.",
        body: passwordBody,
        response: { 200: refreshed.omit({ retried: true }) },
      },
    },
    async (request, reply) => {
      const { userId } = sessionOf(request);
      const presented = presentedToken(request);
      await checkOwnPassword(service, request, "session.authenticated", request.body.password);
      const kept = { userId, token: presented.value };
      const renewal = await identity.sessions.renew(kept);
      // Another request has ended it, or has its next token.
      if (!renewal.ok) throw sessionRefused(reply, presented, "rotated");
      const { token: _, ...expiry } = renewal.session;
      const handedOver = handOver(reply, presented, renewal.session);
      await audit(service, request, byOwner(userId, "session.authenticated"));
      return { ...expiry, userId, ...handedOver };
    },
  );

  app.delete(
    "/session",
    {
      config: { auth: "session", problems: ["AUDIT_NOT_WRITTEN"] },
      schema: { tags, summary: "Sign out", response: { 204: z.null() } },
    },
    async (request, reply) => {
      const { id: sessionId, userId } = sessionOf(request);
      await identity.sessions.revoke({ userId, sessionId });
      await audit(service, request, byOwner(userId, "session.ended"));
      reply.dropSessionCookie();
      return reply.code(204).send(null);
    },
  );
};
