import { findByQuery, queries, runQuery, writePagePosition } from "@org/db-models/queries";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { IdentityProblem } from "../flows/problems.js";
import { userOf } from "../http/guards/identity-of.js";
import type { ServiceOptions } from "../service.js";
import * as schemas from "./schemas/app-usage.js";

const tags = ["usage"];
const identity = { scope: "usage:read" } as const;

/** What the requester's own OAuth apps do. */
export const appUsageRoutes: FastifyPluginAsyncZod<ServiceOptions> = async (app, { service }) => {
  const { models, usage } = service.identity;

  app.get(
    "/usage/apps",
    {
      config: { identity },
      schema: {
        tags,
        summary: "List the OAuth apps that you own",
        querystring: schemas.ownAppsQuery,
        response: { 200: schemas.ownApps },
      },
    },
    async (request) => {
      const { limit, before } = request.query;
      const query = queries.appsOfOwner(userOf(request), { limit, ...(before && { before }) });
      const fields = { clientId: 1, name: 1, status: 1, createdAt: 1 } as const;
      const apps = await runQuery(models, query, fields);
      const last = apps.length === limit ? apps.at(-1) : undefined;
      return {
        apps: apps.map(({ clientId, name, status, createdAt }) => ({ clientId, name, status, createdAt })),
        next: last ? writePagePosition({ at: last.createdAt, id: last._id }) : null,
      };
    },
  );

  app.get(
    "/usage/apps/:clientId",
    {
      config: { identity, identityProblems: ["APP_NOT_FOUND"] },
      schema: {
        tags,
        summary: "Read the usage of an OAuth app that you own",
        description: "Requests of the app by day and endpoint. The last seconds may be missing.",
        params: schemas.appParams,
        querystring: schemas.appUsageQuery,
        response: { 200: schemas.appUsage },
      },
    },
    async (request) => {
      const { clientId } = request.params;
      const found = await findByQuery(models, queries.appByClientId(clientId), { ownerId: 1 });
      if (!found?.ownerId.equals(userOf(request))) throw new IdentityProblem("APP_NOT_FOUND");
      return { days: await usage.ofApp({ clientId, ...schemas.daysOf(request.query, service.clock.now()) }) };
    },
  );
};
