import { userAnalyticsOptionsSchema } from "@org/db-models";
import { queries, runQuery } from "@org/db-models/queries";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { wholeNumberInput } from "../http/answers/schemas.js";
import { userOf } from "../http/guards/identity-of.js";
import { named } from "../http/named.js";
import type { ServiceOptions } from "../service.js";
import { appUsageRoutes } from "./app-usage.js";
import { analytics, periodOf, usage, usageQuery } from "./schemas/usage.js";

const tags = ["usage"];
const config = { identity: { scope: "usage:read" }, identityProblems: ["USER_NOT_FOUND"] } as const;
// A query string has texts only.
const analyticsQuery = z.strictObject({
  days: wholeNumberInput(1, 366)
    .optional()
    .describe(userAnalyticsOptionsSchema.shape.days.description ?? ""),
});

/** API usage and logins of the requester. */
export const usageRoutes: FastifyPluginAsyncZod<ServiceOptions> = async (app, { service }) => {
  const { identity } = service;

  app.get(
    "/usage",
    {
      config,
      schema: {
        tags,
        summary: "Read your API usage",
        description: "Counts are written in groups, so the last seconds may be missing.",
        querystring: usageQuery,
        response: { 200: usage },
      },
    },
    async (request) => {
      const userId = userOf(request);
      const period = periodOf(request.query, service.clock.now());
      const [user, intervals] = await Promise.all([
        identity.users.read(userId),
        runQuery(identity.models, queries.usageOfUser(userId, request.query.interval, period)),
      ]);
      return { ...user.apiUsage, intervals };
    },
  );

  app.get(
    "/analytics",
    {
      config,
      schema: {
        tags,
        summary: "Read your engagement, logins, devices, countries and use by day and endpoint",
        querystring: analyticsQuery,
        response: { 200: analytics },
      },
    },
    async (request) => identity.users.analytics({ ...request.query, userId: userOf(request) }),
  );

  await app.register(named("app usage routes", appUsageRoutes), { service });
};
