import { refreshSession, revokeSession } from "@org/db-models";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { audit, byOwner } from "../audit.js";
import { handOver, presentedToken, sessionOf, sessionRefused } from "../plugins/authentication.js";
import type { ServiceOptions } from "../service.js";
import { currentSession, refreshed } from "./sessions.schemas.js";

const tags = ["sessions"];

/** The session of the request itself. */
export const sessionRoutes: FastifyPluginAsyncZod<ServiceOptions> = async (app, { service }) => {
  const { models } = service.database;

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
      const now = service.clock.now();
      const result = await refreshSession(models, presented.value, now, service.sessionPolicy);
      if (!result.refreshed) throw sessionRefused(reply, presented, result.reason);
      const { sessionId: id, refreshed: _, token: __, ...rest } = result;
      request.actor = { userId: result.userId, sessionId: id };
      return { ...rest, id, ...handOver(reply, presented, result) };
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
      await revokeSession(models, { userId, sessionId }, service.clock.now());
      await audit(service, request, byOwner(userId, "session.ended"));
      reply.dropSessionCookie();
      return reply.code(204).send(null);
    },
  );
};
