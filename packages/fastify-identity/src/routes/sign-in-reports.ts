import { writePagePosition } from "@org/db-models/queries";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { sessionOf, userOf } from "../http/guards/identity-of.js";
import { passwordRateLimit } from "../http/rate-limit.js";
import { requesterOf } from "../http/requests.js";
import type { ServiceOptions } from "../service.js";
import {
  mailedReportBody,
  reportParams,
  reportsQuery,
  signInReport,
  signInReports,
} from "./schemas/security.js";

const tags = ["security"];

/** Reports of sign-ins as somebody else's; they are made by `POST /security/feedback` or from a mail. */
export const signInReportRoutes: FastifyPluginAsyncZod<ServiceOptions> = async (app, { service }) => {
  const { identity } = service;

  app.get(
    "/security/reports",
    {
      config: { identity: { scope: "security:read" } },
      schema: {
        tags,
        summary: "List your reports of sign-ins",
        querystring: reportsQuery,
        response: { 200: signInReports },
      },
    },
    async (request) => {
      const { limit, before } = request.query;
      const page = { limit, ...(before && { before }) };
      const reports = await identity.signInReports.list({ userId: userOf(request), page });
      const last = reports.length === limit ? reports.at(-1) : undefined;
      return { reports, next: last ? writePagePosition({ at: last.reportedAt, id: last.id }) : null };
    },
  );

  app.post(
    "/security/reports/mailed",
    {
      config: {
        identity: "public",
        rateLimit: passwordRateLimit(service),
        identityProblems: ["TOKEN_INVALID", "CONTENTION", "AUDIT_NOT_WRITTEN"],
      },
      schema: {
        tags,
        summary: "Report a sign-in with the token of its mail",
        description:
          "Without a session, for the mail's reader may have none. It does what `not_mine` does; the token is good for one " +
          "report, for seven days.",
        body: mailedReportBody,
        response: { 200: signInReport },
      },
    },
    async (request) => service.flows.reportSignInByMail(requesterOf(service, request), request.body),
  );

  app.post(
    "/security/reports/:id/undo",
    {
      config: {
        identity: "session",
        identityProblems: ["REPORT_NOT_FOUND", "RECENT_AUTHENTICATION_REQUIRED", "AUDIT_NOT_WRITTEN"],
      },
      schema: {
        tags,
        summary: "Undo a report of a sign-in",
        description:
          "Takes a recent sign-in, with a second factor if the account has one. Passkeys and linked accounts are given " +
          "back, unless another account has them by now. An authenticator app, recovery codes, API keys, consents and the " +
          "password are not: make them again.",
        params: reportParams,
        response: { 200: signInReport },
      },
    },
    async (request) =>
      service.flows.undoSignInReport(requesterOf(service, request), sessionOf(request), request.params),
  );
};
