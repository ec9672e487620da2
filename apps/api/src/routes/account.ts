import { Readable } from "node:stream";
import { eraseUserData, exportUserData, readUser, setPassword } from "@org/db-models";
import type { FastifyRequest } from "fastify";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import type { Types } from "mongoose";
import { audit, byOwner } from "../audit.js";
import { checkPassword } from "../check-password.js";
import { sessionOf } from "../plugins/authentication.js";
import { passwordRateLimit } from "../plugins/rate-limit.js";
import { ApiError } from "../problems.js";
import type { Service, ServiceOptions } from "../service.js";
import { erasureBody, erasureReport, exportLines, passwordChange } from "./account.schemas.js";
import { ended } from "./sessions.schemas.js";

const tags = ["account"];

/** What a person may ask of whoever keeps their data: to have it, and to have it gone. */
export const accountRoutes: FastifyPluginAsyncZod<ServiceOptions> = async (app, { service }) => {
  const { models } = service.database;

  app.get(
    "/account/export",
    {
      config: { auth: "session", problems: ["USER_NOT_FOUND", "AUDIT_NOT_WRITTEN"] },
      schema: {
        tags,
        summary: "Download everything about the own account",
        description: "As lines of JSON (application/x-ndjson), without secrets.",
        response: { 200: exportLines },
      },
    },
    async (request, reply) => {
      const { userId } = sessionOf(request);
      await readUser(models, userId);
      await audit(service, request, byOwner(userId, "account.exported"));
      reply
        .type("application/x-ndjson")
        .header("content-disposition", 'attachment; filename="account.ndjson"');
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
        description: "Ends every other session, and sign-ins under way with the old password.",
        body: passwordChange,
        response: { 200: ended },
      },
    },
    async (request) => {
      const { id: keepSessionId, userId } = sessionOf(request);
      await checkOwnPassword(service, request, "password.changed", request.body.password);
      const input = { userId, password: request.body.newPassword, keepSessionId };
      const count = await setPassword(models, input, service.clock.now());
      await audit(service, request, byOwner(userId, "password.changed"));
      return { ended: count };
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
        body: erasureBody,
        response: { 200: erasureReport },
      },
    },
    async (request, reply) => {
      const { userId } = sessionOf(request);
      await checkOwnPassword(service, request, "account.erased", request.body.password);
      // Before: afterwards nobody can tell whose event it is, and nobody is to.
      await audit(service, request, byOwner(userId, "account.erased"));
      const report = await eraseUserData(models, { userId }, service.clock.now());
      reply.dropSessionCookie();
      return report;
    },
  );
};

/** @throws ApiError `SIGN_IN_DELAYED`, `BAD_CREDENTIALS`. */
async function checkOwnPassword(
  service: Service,
  request: FastifyRequest,
  action: string,
  password: string,
): Promise<void> {
  const { userId } = sessionOf(request);
  const { email: identifier } = await readUser(service.database.models, userId);
  const { checked } = await checkPassword(service, { identifier, password }, request);
  if (checked.authenticated) return;
  await audit(service, request, { ...byOwner(userId, action), outcome: "denied" });
  throw new ApiError("BAD_CREDENTIALS");
}

async function* exportedLines(service: Service, userId: Types.ObjectId): AsyncGenerator<string> {
  for await (const record of exportUserData(service.database.models, userId, service.clock.now())) {
    yield `${JSON.stringify(record)}\n`;
  }
}
