import { queries, readUser, runQuery } from "@org/db-models";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { sessionOf } from "../plugins/authentication.js";
import type { ServiceOptions } from "../service.js";
import { periodOf, usage, usageQuery } from "./usage.schemas.js";

/** The own API usage. */
export const usageRoutes: FastifyPluginAsyncZod<ServiceOptions> = async (app, { service }) => {
  const { models } = service.database;

  app.get(
    "/usage",
    {
      config: { auth: "session", problems: ["USER_NOT_FOUND"] },
      schema: {
        tags: ["usage"],
        summary: "Read the own API usage",
        description: "Counts are written in groups, so the last seconds may be missing.",
        querystring: usageQuery,
        response: { 200: usage },
      },
    },
    async (request) => {
      const { userId } = sessionOf(request);
      const period = periodOf(request.query, service.clock.now());
      const [user, intervals] = await Promise.all([
        readUser(models, userId),
        runQuery(models, queries.usageOfUser(userId, request.query.interval, period)),
      ]);
      return { ...user.apiUsage, intervals };
    },
  );
};
