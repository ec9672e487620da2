import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { appUsage } from "../../routes/schemas/app-usage.js";
import { type AdminContext, actingFor } from "../acting.js";
import * as acts from "../acts/apps.js";
import * as schemas from "./app-schemas.js";
import { guarded } from "./guarded.js";
import { userParams } from "./schemas.js";

const tags = ["admin"];
const params = schemas.appParams;
const reads = { permission: "apps:read", writes: false } as const;
const writes = { permission: "apps:write", writes: true } as const;
const nothing = { 204: z.null() };

/** Apps, and what programs of users have: consents and API keys. */
export const appRoutes: FastifyPluginAsyncZod<{ context: AdminContext }> = async (app, { context }) => {
  app.get(
    "/apps",
    {
      config: guarded(),
      schema: {
        tags,
        summary: "List the newest apps",
        querystring: schemas.appsQuery,
        response: { 200: schemas.appPage },
      },
    },
    async (request) => {
      const acting = await actingFor(context, request, reads);
      const { status, limit, before } = request.query;
      const found = await acts.listApps(acting, { status, page: { limit, ...(before && { before }) } });
      return { apps: found.apps.map(appOf), next: found.next ?? null };
    },
  );

  app.post(
    "/apps",
    {
      config: guarded("INVALID_SCOPE"),
      schema: {
        tags,
        summary: "Register an app",
        description: "Its owner is the administrator.",
        body: schemas.registrationBody,
        response: { 201: schemas.registered },
      },
    },
    async (request, reply) => {
      const acting = await actingFor(context, request, writes);
      const { app: made, clientSecret } = await acts.registerApp(acting, request.body);
      return reply.code(201).send({ clientId: made.clientId, clientSecret });
    },
  );

  app.patch(
    "/apps/:clientId",
    {
      config: guarded("APP_NOT_FOUND", "INVALID_SCOPE", "CONTENTION"),
      schema: {
        tags,
        summary: "Change the settings of an app",
        description:
          "All but its type. Fewer scopes hold from the next refresh of each token on. An app that changes from its own keys to a secret gets one.",
        params,
        body: schemas.changesBody,
        response: { 200: schemas.registered },
      },
    },
    async (request) => {
      const acting = await actingFor(context, request, writes);
      const { clientId } = request.params;
      const { clientSecret } = await acts.updateApp(acting, { clientId, ...request.body });
      return { clientId, clientSecret };
    },
  );

  app.get(
    "/apps/:clientId",
    {
      config: guarded("APP_NOT_FOUND"),
      schema: { tags, summary: "Read an app", params, response: { 200: schemas.appDetail } },
    },
    async (request) => {
      const acting = await actingFor(context, request, reads);
      const { app: found, ownerEmail } = await acts.readApp(acting, request.params.clientId);
      return { ...appOf(found), ownerEmail };
    },
  );

  app.get(
    "/apps/:clientId/usage",
    {
      config: guarded("APP_NOT_FOUND"),
      schema: {
        tags,
        summary: "Read what an app did in the last thirty days",
        params,
        response: { 200: appUsage },
      },
    },
    async (request) => {
      const acting = await actingFor(context, request, reads);
      return { days: await acts.readUsage(acting, request.params.clientId) };
    },
  );

  app.get(
    "/apps/:clientId/users",
    {
      config: guarded("APP_NOT_FOUND"),
      schema: {
        tags,
        summary: "List who uses an app",
        params,
        querystring: schemas.pageQuery,
        response: { 200: schemas.appUsers },
      },
    },
    async (request) => {
      const acting = await actingFor(context, request, reads);
      const { limit, before } = request.query;
      const page = { limit, ...(before && { before }) };
      const { consents, next } = await acts.listAppUsers(acting, request.params.clientId, page);
      return { users: [...consents], next: next ?? null };
    },
  );

  app.post(
    "/apps/:clientId/status",
    {
      config: guarded("APP_NOT_FOUND"),
      schema: {
        tags,
        summary: "Suspend, reactivate or delete an app",
        description: "While it is not active nothing of it works, tokens included.",
        params,
        body: schemas.statusBody,
        response: nothing,
      },
    },
    async (request, reply) => {
      const acting = await actingFor(context, request, writes);
      await acts.setAppStatus(acting, { clientId: request.params.clientId, ...request.body });
      return reply.code(204).send(null);
    },
  );

  app.post(
    "/apps/:clientId/secret",
    {
      config: guarded("APP_NOT_FOUND", "APP_HAS_NO_SECRET", "CONTENTION"),
      schema: {
        tags,
        summary: "Give an app another secret",
        description: "The one before stays good for a while.",
        params,
        body: schemas.rotationBody,
        response: { 200: schemas.rotated },
      },
    },
    async (request) => {
      const acting = await actingFor(context, request, writes);
      const { overlapMs, reason } = request.body;
      return acts.rotateSecret(acting, { clientId: request.params.clientId, overlapMs, reason });
    },
  );

  app.post(
    "/apps/:clientId/consents/end",
    {
      config: guarded("APP_NOT_FOUND", "PROTECTED_ACCOUNT"),
      schema: {
        tags,
        summary: "Take back what a user lets an app do",
        params,
        body: schemas.consentBody,
        response: nothing,
      },
    },
    async (request, reply) => {
      const acting = await actingFor(context, request, { permission: "users:write", writes: true });
      await acts.endConsent(acting, { clientId: request.params.clientId, ...request.body });
      return reply.code(204).send(null);
    },
  );

  app.get(
    "/users/:id/api-keys",
    {
      config: guarded(),
      schema: {
        tags,
        summary: "List a user's API keys",
        params: userParams,
        querystring: schemas.pageQuery,
        response: { 200: schemas.apiKeyPage },
      },
    },
    async (request) => {
      const acting = await actingFor(context, request, { permission: "users:read", writes: false });
      const { limit, before } = request.query;
      const page = { limit, ...(before && { before }) };
      const { apiKeys, next } = await acts.listApiKeys(acting, request.params.id, page);
      return { apiKeys: [...apiKeys], next: next ?? null };
    },
  );

  app.post(
    "/users/:id/api-keys/end",
    {
      config: guarded("API_KEY_NOT_FOUND", "PROTECTED_ACCOUNT"),
      schema: {
        tags,
        summary: "End an API key of a user",
        params: userParams,
        body: schemas.apiKeyBody,
        response: nothing,
      },
    },
    async (request, reply) => {
      const acting = await actingFor(context, request, { permission: "users:write", writes: true });
      await acts.endApiKey(acting, { userId: request.params.id, ...request.body });
      return reply.code(204).send(null);
    },
  );
};

function appOf({ clientSecrets, ...app }: acts.KnownApp) {
  return { ...app, secrets: clientSecrets.map(({ createdAt, expiresAt }) => ({ createdAt, expiresAt })) };
}
