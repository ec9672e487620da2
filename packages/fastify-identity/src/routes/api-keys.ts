import { apiKeyInputSchema, apiKeyRotationSchema } from "@org/db-models";
import { writePagePosition } from "@org/db-models/queries";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { audit, byOwner } from "../flows/audit.js";
import { IdentityProblem } from "../flows/problems.js";
import { sessionOf } from "../http/guards/identity-of.js";
import { requesterOf } from "../http/requests.js";
import type { ServiceOptions } from "../service.js";
import { apiKeyList, apiKeyParams, apiKeysQuery, createdApiKey, rotatedApiKey } from "./schemas/api-keys.js";

const tags = ["api-keys"];

/** API keys of the requester. Managing them needs a session, so that no key creates another. */
export const apiKeyRoutes: FastifyPluginAsyncZod<ServiceOptions> = async (app, { service }) => {
  const { identity } = service;

  app.post(
    "/api-keys",
    {
      config: {
        identity: "session",
        identityProblems: [
          "RECENT_AUTHENTICATION_REQUIRED",
          "USER_NOT_FOUND",
          "USER_NOT_ACTIVE",
          "AUDIT_NOT_WRITTEN",
        ],
      },
      schema: {
        tags,
        summary: "Create an API key",
        description: "Takes a recent sign-in, with a second factor if the account has one.",
        body: apiKeyInputSchema,
        response: { 201: createdApiKey },
      },
    },
    async (request, reply) => {
      const { userId, id: sessionId } = sessionOf(request);
      await service.flows.requireRecentAuthentication(sessionOf(request));
      const created = await identity.apiKeys.create({ ...request.body, userId, sessionId });
      try {
        await audit(service, requesterOf(service, request), byOwner(userId, "api_key.created"));
      } catch (error) {
        await identity.apiKeys.revoke({ userId, keyId: created.apiKey.id });
        throw error;
      }
      return reply.code(201).send(created);
    },
  );

  app.get(
    "/api-keys",
    {
      config: { identity: "session" },
      schema: {
        tags,
        summary: "List your API keys",
        querystring: apiKeysQuery,
        response: { 200: apiKeyList },
      },
    },
    async (request) => {
      const { limit, before } = request.query;
      const page = { limit, ...(before && { before }) };
      const apiKeys = await identity.apiKeys.list({ userId: sessionOf(request).userId, page });
      const last = apiKeys.length === limit ? apiKeys.at(-1) : undefined;
      return { apiKeys, next: last ? writePagePosition({ at: last.createdAt, id: last.id }) : null };
    },
  );

  app.post(
    "/api-keys/:id/rotation",
    {
      config: {
        identity: "session",
        identityProblems: [
          "RECENT_AUTHENTICATION_REQUIRED",
          "API_KEY_NOT_FOUND",
          "CONTENTION",
          "AUDIT_NOT_WRITTEN",
        ],
      },
      schema: {
        tags,
        summary: "Replace an API key",
        description:
          "Takes a recent sign-in, as creating one does. The key before stays good for the overlap. Both share the quota " +
          "and the limits.",
        params: apiKeyParams,
        body: apiKeyRotationSchema,
        response: { 200: rotatedApiKey },
      },
    },
    async (request) => {
      const { userId, id: sessionId } = sessionOf(request);
      await service.flows.requireRecentAuthentication(sessionOf(request));
      const rotation = { ...request.body, userId, sessionId, keyId: request.params.id };
      const rotated = await identity.apiKeys.rotate(rotation);
      await audit(service, requesterOf(service, request), byOwner(userId, "api_key.rotated"));
      return rotated;
    },
  );

  app.delete(
    "/api-keys/:id",
    {
      config: { identity: "session", identityProblems: ["API_KEY_NOT_FOUND", "AUDIT_NOT_WRITTEN"] },
      schema: { tags, summary: "Revoke an API key", params: apiKeyParams, response: { 204: z.null() } },
    },
    async (request, reply) => {
      const { userId } = sessionOf(request);
      const key = { userId, keyId: request.params.id };
      if (!(await identity.apiKeys.revoke(key))) throw new IdentityProblem("API_KEY_NOT_FOUND");
      await audit(service, requesterOf(service, request), byOwner(userId, "api_key.revoked"));
      return reply.code(204).send(null);
    },
  );
};
