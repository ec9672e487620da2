import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { type AdminContext, actingFor } from "../acting.js";
import { readHealth } from "../acts/database.js";
import type { HealthChecks } from "../database-health.js";
import { guarded } from "./guarded.js";

const databaseHealth = z
  .object({
    checkedAt: z.date(),
    score: z.number().describe("0 to 100"),
    undecided: z.boolean().describe("Whether something stayed unknown for lack of privileges or time"),
    parts: z.array(
      z.object({
        part: z.string(),
        points: z.number().nullable().describe("Null where nothing was checked"),
      }),
    ),
    findings: z.array(
      z.object({
        code: z.string(),
        part: z.string(),
        severity: z.string().describe("info, warning or critical"),
        subject: z.string(),
        message: z.string().describe("What is wrong"),
        evidence: z.string().describe("What was seen"),
        command: z.string().optional().describe("Command that fixes it, or tells more"),
      }),
    ),
  })
  .meta({ id: "AdminDatabaseHealth" });

/** The health of the database. */
export const databaseRoutes: FastifyPluginAsyncZod<{ context: AdminContext; checks: HealthChecks }> = async (
  app,
  { context, checks },
) => {
  app.get(
    "/database",
    {
      config: guarded(),
      schema: {
        tags: ["admin"],
        summary: "Check the health of the database",
        description: "What was checked within the last minute is not checked again.",
        response: { 200: databaseHealth },
      },
    },
    async (request) => {
      const acting = await actingFor(context, request, { permission: "database:read", writes: false });
      const { at: checkedAt, health } = await readHealth(acting, checks);
      const { score, undecided, parts, findings } = health;
      return { checkedAt, score, undecided, parts: [...parts], findings: [...findings] };
    },
  );
};
