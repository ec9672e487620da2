import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { idInput, idOutput, limitInput, pageInput } from "../../http/answers/schemas.js";
import { presentedToken } from "../../http/guards/held-session.js";
import { setCookie } from "../../http/requests.js";
import { type AdminContext, actingFor } from "../acting.js";
import { type KnownImpersonation, listImpersonations, startImpersonation } from "../impersonation/acts.js";
import type { ImpersonationRules } from "../options.js";
import { guarded } from "./guarded.js";
import * as schemas from "./schemas.js";

const tags = ["admin"];

const startBody = z.strictObject({
  approvalId: idInput.describe(
    "What another administrator has approved, for a reason that holds for this too",
  ),
});

const started = z
  .object({
    id: idOutput.describe("The session's id"),
    expiresAt: z.date(),
    token: z.string().optional().describe("Bearer token; only for who came with one. Shown once"),
  })
  .meta({ id: "AdminImpersonationStart" });

const listQuery = z.strictObject({
  actor: idInput.optional().describe("Only those of an administrator"),
  limit: limitInput,
  before: pageInput.optional().describe("Only older ones: `next` of the page before, or a date"),
});

const impersonation = z
  .object({
    id: idOutput.describe("That of its session"),
    userId: idOutput,
    userEmail: z.string().nullable().describe("Null once the account is gone"),
    actor: idOutput.describe("The administrator"),
    actorEmail: z.string().nullable().describe("Null once the account is gone"),
    reason: z.string(),
    startedAt: z.date(),
    expiresAt: z.date(),
    endedAt: z.date().optional(),
    why: z.string().optional().describe("Why it ended: a reason for which sessions end"),
  })
  .meta({ id: "AdminImpersonation" });

const impersonationPage = z.object({
  impersonations: z.array(impersonation),
  next: z.string().nullable(),
});

/** Administrators who act for users. */
export const impersonationRoutes: FastifyPluginAsyncZod<{
  context: AdminContext;
  rules: ImpersonationRules;
}> = async (app, { context, rules }) => {
  const { service } = context;

  app.post(
    "/users/:id/impersonation",
    {
      config: guarded(
        "PROTECTED_ACCOUNT",
        "USER_NOT_FOUND",
        "USER_NOT_ACTIVE",
        "APPROVAL_REQUIRED",
        "IMPERSONATION_IN_PROGRESS",
        "SESSIONS_REVOKED",
      ),
      schema: {
        tags,
        summary: "Act for a user",
        description:
          "In a session of the user's, by a cookie that stands before your own or a token as you came with. It ends by itself " +
          "after half an hour at most, and by `DELETE /v1/session/impersonation`. The user is told.",
        params: schemas.userParams,
        body: startBody,
        response: { 201: started },
      },
    },
    async (request, reply) => {
      const acting = await actingFor(context, request, { permission: "users:impersonate", writes: true });
      const order = { userId: request.params.id, approvalId: request.body.approvalId };
      const { token, ...begun } = await startImpersonation(acting, rules, order);
      const { by } = presentedToken(service, request);
      if (by === "cookie") setCookie(reply, service.cookies.impersonation(token));
      return reply.code(201).send({ ...begun, ...(by === "bearer" && { token }) });
    },
  );

  app.get(
    "/impersonations",
    {
      config: guarded(),
      schema: {
        tags,
        summary: "List who acts, and acted, for whom",
        querystring: listQuery,
        response: { 200: impersonationPage },
      },
    },
    async (request) => {
      const acting = await actingFor(context, request, { permission: "users:read", writes: false });
      const { actor, limit, before } = request.query;
      const found = await listImpersonations(acting, { actor, page: { limit, ...(before && { before }) } });
      return { impersonations: found.impersonations.map(described), next: found.next ?? null };
    },
  );
};

function described({ ended, actorEmail, userEmail, ...rest }: KnownImpersonation) {
  const emails = { actorEmail: actorEmail ?? null, userEmail: userEmail ?? null };
  return { ...rest, ...emails, ...(ended && { endedAt: ended.at, why: ended.why }) };
}
