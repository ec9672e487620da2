import type { Identity } from "@org/db-models";
import { writePagePosition } from "@org/db-models/queries";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import type { Types } from "mongoose";
import { hasFactor } from "../flows/account/assurance.js";
import { audit, byOwner } from "../flows/audit.js";
import { confirmSignIn } from "../flows/sign-in/feedback.js";
import { clientAddressOf } from "../http/client-address.js";
import { sessionOf, userOf } from "../http/guards/identity-of.js";
import { named } from "../http/named.js";
import { requesterOf } from "../http/requests.js";
import type { ServiceOptions } from "../service.js";
import {
  eventsQuery,
  feedbackBody,
  feedbackTaken,
  securityChanges,
  securityEvents,
  securitySettings,
} from "./schemas/security.js";
import { signInReportRoutes } from "./sign-in-reports.js";

const hasSecondFactor = async ({ factors }: Identity, userId: Types.ObjectId) => ({
  enabled: hasFactor(await factors.read({ userId })),
});

const tags = ["security"];
const config = { identity: "session", identityProblems: ["USER_NOT_FOUND"] } as const;

/** Security settings and events of the requester. */
export const securityRoutes: FastifyPluginAsyncZod<ServiceOptions> = async (app, { service }) => {
  const { identity } = service;

  app.get(
    "/security",
    {
      config: { ...config, identity: { scope: "security:read" } },
      schema: { tags, summary: "Read your security settings", response: { 200: securitySettings } },
    },
    async (request) => {
      const userId = userOf(request);
      const [{ security }, secondFactor] = await Promise.all([
        identity.users.read(userId),
        hasSecondFactor(identity, userId),
      ]);
      return { ...security, secondFactor };
    },
  );

  app.patch(
    "/security",
    {
      config: {
        ...config,
        identityProblems: [
          ...config.identityProblems,
          "RECENT_AUTHENTICATION_REQUIRED",
          "WOULD_LOCK_OUT",
          "AUDIT_NOT_WRITTEN",
        ],
      },
      schema: {
        tags,
        summary: "Change your security settings",
        description:
          "Takes a recent sign-in, or the same proofs once more (`POST /v1/session/authentication`). Timeouts hold for " +
          "sessions opened from now on; a lower cap is met at the next sign-in. An allowlist without the address of the " +
          "request is refused unless it is `confirmed`; a reset of the password clears the allowlist.",
        body: securityChanges,
        response: { 200: securitySettings },
      },
    },
    async (request) => {
      const { userId } = sessionOf(request);
      await service.flows.requireRecentAuthentication(sessionOf(request));
      const { confirmed, ...changes } = request.body;
      const from = clientAddressOf(request) ?? "";
      const input = { userId, changes, from, confirmed };
      const { security } = await identity.users.updateSecurity(input);
      const fields = Object.keys(changes).sort().join(" ");
      if (fields)
        await audit(service, requesterOf(service, request), byOwner(userId, "security.changed", { fields }));
      return { ...security, secondFactor: await hasSecondFactor(identity, userId) };
    },
  );

  app.get(
    "/security/events",
    {
      config: { identity: { scope: "security:read" } },
      schema: {
        tags,
        summary: "List your security events",
        querystring: eventsQuery,
        response: { 200: securityEvents },
      },
    },
    async (request) => {
      const { kind, limit, before } = request.query;
      const userId = userOf(request);
      const page = { limit, ...(before && { before }) };
      const events = await identity.securityEvents.list({ userId, page, ...(kind && { kind }) });
      const last = events.length === limit ? events.at(-1) : undefined;
      return {
        events: events.map(({ _id: id, ...event }) => ({ ...event, id })),
        next: last ? writePagePosition({ at: last.at, id: last._id }) : null,
      };
    },
  );

  app.post(
    "/security/feedback",
    {
      config: {
        identity: "session",
        identityProblems: [
          "SESSION_NOT_FOUND",
          "FEEDBACK_NOT_TAKEN",
          "RECENT_AUTHENTICATION_REQUIRED",
          "CONTENTION",
          "AUDIT_NOT_WRITTEN",
        ],
      },
      schema: {
        tags,
        summary: "Report whether a sign-in was yours",
        description:
          "From another session than the one that the sign-in opened. `not_mine` takes a recent sign-in and reports it as " +
          "somebody else's: its session ends, remembered devices are forgotten, and what was added from the session is " +
          "taken off: passkeys, authenticator app, recovery codes, linked accounts, API keys, consents, a change of the " +
          "address. A password that the sign-in showed opens nothing until another one is set by mail. Where anything was " +
          "taken off every session ends, that of the request too. For three months what comes from its network counts as " +
          "new and suspicious. `mine` makes the next sign-in from the same network and device less so. One `not_mine` " +
          "outweighs every `mine`.",
        body: feedbackBody,
        response: { 200: feedbackTaken },
      },
    },
    async (request) => {
      const { verdict, sessionId } = request.body;
      const requester = requesterOf(service, request);
      const session = sessionOf(request);
      if (verdict === "not_mine")
        return { report: await service.flows.reportSignIn(requester, session, { sessionId }) };
      await confirmSignIn(service, requester, session, { sessionId });
      return { report: null };
    },
  );
  await app.register(named("sign in report routes", signInReportRoutes), { service });
};
