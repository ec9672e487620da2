import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { idInput, idOutput, limitInput, pageInput } from "../../http/answers/schemas.js";
import { signInReport } from "../../routes/schemas/security.js";
import { type AdminContext, actingFor } from "../acting.js";
import { listReports } from "../acts/sign-in-reports.js";
import { guarded } from "./guarded.js";

const reportsQuery = z.strictObject({
  userId: idInput.optional().describe("Only those of a user"),
  limit: limitInput,
  before: pageInput.optional().describe("Only older reports: `next` of the page before, or a date"),
});

const knownReport = signInReport
  .extend({
    userId: idOutput,
    email: z.string().nullable().describe("Null once the account is gone"),
    risk: z
      .object({ score: z.number().nullable(), level: z.string(), reasons: z.array(z.string()) })
      .describe("How the risk engine judged the sign-in, and why"),
  })
  .meta({ id: "AdminSignInReport" });

const reportPage = z.object({ reports: z.array(knownReport), next: z.string().nullable() });

/** Reports of sign-ins as somebody else's. */
export const signInReportRoutes: FastifyPluginAsyncZod<{ context: AdminContext }> = async (
  app,
  { context },
) => {
  app.get(
    "/sign-in-reports",
    {
      config: guarded(),
      schema: {
        tags: ["admin"],
        summary: "List reports of sign-ins as somebody else's",
        querystring: reportsQuery,
        response: { 200: reportPage },
      },
    },
    async (request) => {
      const acting = await actingFor(context, request, { permission: "users:read", writes: false });
      const { userId, limit, before } = request.query;
      const found = await listReports(acting, { userId, page: { limit, ...(before && { before }) } });
      const reports = found.reports.map(({ email = null, ...report }) => {
        const { score = null, level, reasons } = report.signIn.risk;
        return { ...report, email, risk: { score, level, reasons } };
      });
      return { reports, next: found.next ?? null };
    },
  );
};
