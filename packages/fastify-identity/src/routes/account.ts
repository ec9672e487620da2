import { Readable } from "node:stream";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import type { Types } from "mongoose";
import { z } from "zod";
import { audit, byOwner } from "../flows/audit.js";
import { forgetSession, handOver, heldSession } from "../http/guards/held-session.js";
import { sessionOf } from "../http/guards/identity-of.js";
import { passwordRateLimit } from "../http/rate-limit.js";
import { requesterOf } from "../http/requests.js";
import type { Service, ServiceOptions } from "../service.js";
import {
  erasureBody,
  erasureReport,
  exportLines,
  firstPassword,
  passwordChange,
  passwordChanged,
} from "./schemas/account.js";

const tags = ["account"];

/** A person's rights to their data: export and erasure. */
export const accountRoutes: FastifyPluginAsyncZod<ServiceOptions> = async (app, { service }) => {
  const { identity } = service;

  app.get(
    "/account/export",
    {
      config: { identity: "session", identityProblems: ["USER_NOT_FOUND", "AUDIT_NOT_WRITTEN"] },
      schema: {
        tags,
        summary: "Download everything about your account",
        description: "As lines of JSON, without secrets.",
        produces: ["application/x-ndjson"],
        response: { 200: exportLines },
      },
    },
    async (request, reply) => {
      const { userId } = sessionOf(request);
      await identity.users.read(userId);
      reply
        .type("application/x-ndjson")
        .header("content-disposition", 'attachment; filename="account.ndjson"');
      // HEAD exports nothing (RFC 9110 section 9.3.2), and the trail does not say that it did.
      if (request.method === "HEAD") return reply.send("");
      await audit(service, requesterOf(service, request), byOwner(userId, "account.exported"));
      // A stream passes the serializer by; the schema is for the document.
      return reply.send(Readable.from(exportedLines(service, userId)) as unknown as string);
    },
  );

  app.put(
    "/account/password",
    {
      config: {
        identity: "session",
        rateLimit: passwordRateLimit(service),
        identityProblems: [
          "PASSWORD_TOO_COMMON",
          "RECENT_AUTHENTICATION_REQUIRED",
          "SIGN_IN_DELAYED",
          "BAD_CREDENTIALS",
          "USER_NOT_FOUND",
          "AUDIT_NOT_WRITTEN",
        ],
      },
      schema: {
        tags,
        summary: "Change your password",
        description:
          "Ends every other session, and sign-ins under way with the old password. The session of the request goes on " +
          "with another token, in the cookie or the answer; the one before is refused from then on.",
        body: passwordChange,
        response: { 200: passwordChanged },
      },
    },
    async (request, reply) => {
      const held = heldSession(service, request);
      const changed = await service.flows.changePassword(
        requesterOf(service, request),
        held,
        request.body,
        (renewed) => handOver(service, reply, held, renewed),
      );
      const { idleExpiresAt, absoluteExpiresAt, token } = changed.session;
      const expiry = { idleExpiresAt, absoluteExpiresAt };
      return { ended: changed.ended, ...expiry, ...(held.by === "bearer" && { token }) };
    },
  );

  app.post(
    "/account/password",
    {
      config: {
        identity: "session",
        rateLimit: passwordRateLimit(service),
        identityProblems: [
          "PASSWORD_TOO_COMMON",
          "RECENT_AUTHENTICATION_REQUIRED",
          "PASSWORD_EXISTS",
          "USER_NOT_FOUND",
          "AUDIT_NOT_WRITTEN",
        ],
      },
      schema: {
        tags,
        summary: "Give your account its first password",
        description:
          "For an account without one, such as of somebody who signs in through a provider. Its sessions go on.",
        body: firstPassword,
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      const requester = requesterOf(service, request);
      await service.flows.addPassword(requester, sessionOf(request), request.body);
      return reply.code(204).send(null);
    },
  );

  app.delete(
    "/account",
    {
      config: {
        identity: "session",
        rateLimit: passwordRateLimit(service),
        identityProblems: [
          "RECENT_AUTHENTICATION_REQUIRED",
          "SIGN_IN_DELAYED",
          "BAD_CREDENTIALS",
          "USER_NOT_FOUND",
          "AUDIT_NOT_WRITTEN",
        ],
      },
      schema: {
        tags,
        summary: "Erase your account, and everything about it",
        description:
          "At once and for good: sessions, keys, tokens, apps and history go; the audit trail keeps events that " +
          "nothing links to the account any more.",
        body: erasureBody,
        response: { 200: erasureReport },
      },
    },
    async (request, reply) => {
      const requester = requesterOf(service, request);
      const report = await service.flows.eraseAccount(requester, sessionOf(request), request.body);
      forgetSession(service, request, reply);
      return report;
    },
  );
};

async function* exportedLines(service: Service, userId: Types.ObjectId): AsyncGenerator<string> {
  for await (const record of service.identity.privacy.export(userId)) {
    yield `${JSON.stringify(record)}\n`;
  }
}
