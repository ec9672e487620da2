import { writePagePosition } from "@org/db-models/queries";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { endConsent } from "../flows/account/consents.js";
import { IdentityProblem } from "../flows/problems.js";
import { sessionOf } from "../http/guards/identity-of.js";
import { requesterOf } from "../http/requests.js";
import type { ServiceOptions } from "../service.js";
import { consentList, consentParams, consentsQuery } from "./schemas/consents.js";

const tags = ["consents"];

/** What the requester lets apps do. It takes a session: no app may look at the others, or end them. */
export const consentRoutes: FastifyPluginAsyncZod<ServiceOptions> = async (app, { service }) => {
  app.get(
    "/consents",
    {
      config: { identity: "session" },
      schema: {
        tags,
        summary: "List the apps that you let do something",
        querystring: consentsQuery,
        response: { 200: consentList },
      },
    },
    async (request) => {
      const { limit, before } = request.query;
      const { userId } = sessionOf(request);
      const page = { limit, ...(before && { before }) };
      const consents = await service.identity.oauth.listConsents({ userId, page });
      const last = consents.length === limit ? consents.at(-1) : undefined;
      return { consents, next: last ? writePagePosition({ at: last.grantedAt, id: last.id }) : null };
    },
  );

  app.delete(
    "/consents/:clientId",
    {
      config: { identity: "session", identityProblems: ["CONSENT_NOT_FOUND", "AUDIT_NOT_WRITTEN"] },
      schema: {
        tags,
        summary: "Take back what you let an app do",
        description:
          "Its refresh tokens and opaque access tokens end at once; a JWT is good until it expires.",
        params: consentParams,
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      const { userId } = sessionOf(request);
      const consent = { userId, clientId: request.params.clientId };
      if (!(await endConsent(service, requesterOf(service, request), consent))) {
        throw new IdentityProblem("CONSENT_NOT_FOUND");
      }
      return reply.code(204).send(null);
    },
  );
};
