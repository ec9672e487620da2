import { Readable } from "node:stream";
import { isIdentityError } from "@org/db-models";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import type { Types } from "mongoose";
import { passwordAlert } from "../flows/alerts.js";
import { audit, byOwner } from "../flows/audit.js";
import { notifyLater } from "../flows/notify-later.js";
import { originOf } from "../flows/origin.js";
import { checkOwnPassword } from "../flows/own-password.js";
import { handOver, sessionOf, sessionRefused } from "../plugins/authentication.js";
import { presentedToken } from "../plugins/credentials.js";
import { passwordRateLimit } from "../plugins/rate-limit.js";
import type { Service, ServiceOptions } from "../service.js";
import { erasureReport, exportLines, passwordChange, passwordChanged } from "./account.schemas.js";
import { passwordBody } from "./sessions.schemas.js";

const tags = ["account"];

/** What a person may ask of whoever keeps their data: to have it, and to have it gone. */
export const accountRoutes: FastifyPluginAsyncZod<ServiceOptions> = async (app, { service }) => {
  const { identity } = service;

  app.get(
    "/account/export",
    {
      config: { auth: "session", problems: ["USER_NOT_FOUND", "AUDIT_NOT_WRITTEN"] },
      schema: {
        tags,
        summary: "Download everything about the own account",
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
      await audit(service, request, byOwner(userId, "account.exported"));
      // A stream passes the serializer by; the schema is for the document.
      return reply.send(Readable.from(exportedLines(service, userId)) as unknown as string);
    },
  );

  app.put(
    "/account/password",
    {
      config: {
        auth: "session",
        rateLimit: passwordRateLimit(service),
        problems: ["SIGN_IN_DELAYED", "BAD_CREDENTIALS", "USER_NOT_FOUND", "AUDIT_NOT_WRITTEN"],
      },
      schema: {
        tags,
        summary: "Change the own password",
        description:
          "Ends every other session, and sign-ins under way with the old password. The session of the request goes on " +
          "with another token, in the cookie or the answer; the one before is refused from then on.",
        body: passwordChange,
        response: { 200: passwordChanged },
      },
    },
    async (request, reply) => {
      const { userId } = sessionOf(request);
      const presented = presentedToken(request);
      const { password, newPassword } = request.body;
      const { email } = await checkOwnPassword(service, request, "password.changed", password);
      const input = { userId, password: newPassword, keepToken: presented.value };
      const changed = await identity.users.setPassword(input).catch((error: unknown) => {
        // Another request has ended the session, or has its next token.
        throw isIdentityError(error, "SESSION_NOT_FOUND")
          ? sessionRefused(reply, presented, "rotated")
          : error;
      });
      if (!changed.session) throw new TypeError("unreachable: a session was kept");
      // What has happened is told, also when the trail can't be written.
      notifyLater(service, request, passwordAlert("changed", email, originOf(service, request)));
      const token = handOver(reply, presented, changed.session);
      await audit(service, request, byOwner(userId, "password.changed"));
      const { idleExpiresAt, absoluteExpiresAt } = changed.session;
      return { ended: changed.ended, idleExpiresAt, absoluteExpiresAt, ...token };
    },
  );

  app.delete(
    "/account",
    {
      config: {
        auth: "session",
        rateLimit: passwordRateLimit(service),
        problems: ["SIGN_IN_DELAYED", "BAD_CREDENTIALS", "USER_NOT_FOUND", "AUDIT_NOT_WRITTEN"],
      },
      schema: {
        tags,
        summary: "Erase the own account, and everything about it",
        description:
          "At once and for good: sessions, keys, tokens, apps and history go; the audit trail keeps events that " +
          "nothing links to the account any more.",
        body: passwordBody,
        response: { 200: erasureReport },
      },
    },
    async (request, reply) => {
      const { userId } = sessionOf(request);
      await checkOwnPassword(service, request, "account.erased", request.body.password);
      // Before: afterwards nobody can tell whose event it is, and nobody is to.
      await audit(service, request, byOwner(userId, "account.erased"));
      const report = await identity.privacy.erase({ userId });
      reply.dropSessionCookie();
      return report;
    },
  );
};

async function* exportedLines(service: Service, userId: Types.ObjectId): AsyncGenerator<string> {
  for await (const record of service.identity.privacy.export(userId)) {
    yield `${JSON.stringify(record)}\n`;
  }
}
