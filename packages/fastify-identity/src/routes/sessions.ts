import type { ActiveSession } from "@org/db-models";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { requireAssurance } from "../flows/account/assurance.js";
import { toldSession } from "../flows/account/told-session.js";
import { audit, byOwner } from "../flows/audit.js";
import { IdentityProblem } from "../flows/problems.js";
import { forgetSession } from "../http/guards/held-session.js";
import { sessionOf } from "../http/guards/identity-of.js";
import { tellsReasons } from "../http/guards/impersonated.js";
import { requesterOf } from "../http/requests.js";
import type { ServiceOptions } from "../service.js";
import { ended, endQuery, sessionList, sessionParams } from "./schemas/sessions.js";

const tags = ["sessions"];
const ending =
  "another takes an authentication of the last minutes, or one more (`POST /v1/session/authentication`).";

/** Live sessions of the requester. */
export const sessionsRoutes: FastifyPluginAsyncZod<ServiceOptions> = async (app, { service }) => {
  const { identity } = service;
  const reasons = tellsReasons(service);
  // Somebody who took over a session could otherwise keep its owner out (ASVS 7.5.2).
  const requireProof = (session: ActiveSession) =>
    requireAssurance(service, session, { maxAgeMs: service.recentAuthenticationMs });

  app.get(
    "/sessions",
    {
      config: { identity: "session", impersonated: true },
      schema: { tags, summary: "List your active sessions", response: { 200: sessionList } },
    },
    async (request) => {
      const current = sessionOf(request);
      const sessions = await identity.sessions.list({ userId: current.userId });
      return {
        sessions: sessions.map((one) => ({
          ...toldSession(one, { reasons }),
          current: one.id.equals(current.id),
        })),
      };
    },
  );

  app.delete(
    "/sessions/:id",
    {
      config: {
        identity: "session",
        identityProblems: ["RECENT_AUTHENTICATION_REQUIRED", "SESSION_NOT_FOUND", "AUDIT_NOT_WRITTEN"],
      },
      schema: {
        tags,
        summary: "End one of your sessions",
        description: `The one that asks ends at once; ${ending}`,
        params: sessionParams,
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      const session = sessionOf(request);
      const { userId, id: current } = session;
      const sessionId = request.params.id;
      const isOwn = sessionId.equals(current);
      if (!isOwn) await requireProof(session);
      const reason = isOwn ? "signed_out" : "signed_out_elsewhere";
      const done = await identity.sessions.revoke({ userId, sessionId, reason });
      if (!done) throw new IdentityProblem("SESSION_NOT_FOUND");
      await audit(service, requesterOf(service, request), byOwner(userId, "session.ended"));
      if (isOwn) forgetSession(service, request, reply);
      return reply.code(204).send(null);
    },
  );

  app.delete(
    "/sessions",
    {
      config: {
        identity: "session",
        identityProblems: ["RECENT_AUTHENTICATION_REQUIRED", "USER_NOT_FOUND", "AUDIT_NOT_WRITTEN"],
      },
      schema: {
        tags,
        summary: "End the other sessions, or all",
        description: `As for ending one of them, ${ending}`,
        querystring: endQuery,
        response: { 200: ended },
      },
    },
    async (request, reply) => {
      const session = sessionOf(request);
      const { userId, id: sessionId } = session;
      const { all } = request.query;
      await requireProof(session);
      const count = all
        ? await identity.sessions.revokeAll({ userId })
        : await identity.sessions.revokeOthers({ userId, sessionId });
      await audit(
        service,
        requesterOf(service, request),
        byOwner(userId, "sessions.ended", { scope: all ? "all" : "others" }),
      );
      if (all) forgetSession(service, request, reply);
      return { ended: count };
    },
  );
};
