import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { audit, byOwner } from "../flows/audit.js";
import { IdentityProblem } from "../flows/problems.js";
import { sessionOf } from "../http/guards/identity-of.js";
import { requesterOf, setCookie } from "../http/requests.js";
import type { ServiceOptions } from "../service.js";
import { ended, endQuery, sessionList, sessionParams } from "./schemas/sessions.js";

const tags = ["sessions"];

/** Live sessions of the requester. */
export const sessionsRoutes: FastifyPluginAsyncZod<ServiceOptions> = async (app, { service }) => {
  const { identity } = service;

  app.get(
    "/sessions",
    {
      config: { identity: "session" },
      schema: { tags, summary: "List your active sessions", response: { 200: sessionList } },
    },
    async (request) => {
      const current = sessionOf(request);
      const sessions = await identity.sessions.list({ userId: current.userId });
      return { sessions: sessions.map((one) => ({ ...one, current: one.id.equals(current.id) })) };
    },
  );

  app.delete(
    "/sessions/:id",
    {
      config: { identity: "session", identityProblems: ["SESSION_NOT_FOUND", "AUDIT_NOT_WRITTEN"] },
      schema: {
        tags,
        summary: "End one of your sessions",
        params: sessionParams,
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      const { userId, id: current } = sessionOf(request);
      const sessionId = request.params.id;
      const done = await identity.sessions.revoke({ userId, sessionId });
      if (!done) throw new IdentityProblem("SESSION_NOT_FOUND");
      await audit(service, requesterOf(service, request), byOwner(userId, "session.ended"));
      if (sessionId.equals(current)) setCookie(reply, service.cookies.endSession());
      return reply.code(204).send(null);
    },
  );

  app.delete(
    "/sessions",
    {
      config: { identity: "session", identityProblems: ["USER_NOT_FOUND", "AUDIT_NOT_WRITTEN"] },
      schema: {
        tags,
        summary: "End the other sessions, or all",
        querystring: endQuery,
        response: { 200: ended },
      },
    },
    async (request, reply) => {
      const { userId, id: sessionId } = sessionOf(request);
      const { all } = request.query;
      const count = all
        ? await identity.sessions.revokeAll({ userId })
        : await identity.sessions.revokeOthers({ userId, sessionId });
      await audit(
        service,
        requesterOf(service, request),
        byOwner(userId, "sessions.ended", { scope: all ? "all" : "others" }),
      );
      if (all) setCookie(reply, service.cookies.endSession());
      return { ended: count };
    },
  );
};
