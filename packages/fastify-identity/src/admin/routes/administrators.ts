import type { AdminApprovalDocument } from "@org/db-models";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { type Acting, type AdminContext, actingFor } from "../acting.js";
import * as acts from "../acts/administrators.js";
import { requestExport } from "../acts/audit.js";
import { requestJobApproval } from "../bulk/jobs.js";
import { requestImpersonation } from "../impersonation/acts.js";
import { guarded } from "./guarded.js";
import * as schemas from "./schemas.js";

const tags = ["admin"];
const params = schemas.userParams;
const manages = { permission: "administrators:write", writes: true } as const;
const erases = { permission: "users:erase", writes: true } as const;

/** Administrators, and what takes two of them. */
export const administratorRoutes: FastifyPluginAsyncZod<{ context: AdminContext }> = async (
  app,
  { context },
) => {
  app.get(
    "/administrators",
    {
      config: guarded(),
      schema: { tags, summary: "List the administrators", response: { 200: schemas.administratorList } },
    },
    async (request) => {
      const needed = { permission: "administrators:read", writes: false } as const;
      const acting = await actingFor(context, request, needed);
      return { administrators: await acts.listAdministrators(acting) };
    },
  );

  app.put(
    "/administrators/:id",
    {
      config: guarded("PROTECTED_ACCOUNT", "LAST_ADMINISTRATOR", "USER_NOT_FOUND", "USER_NOT_ACTIVE"),
      schema: {
        tags,
        summary: "Set a user's roles in the admin area",
        description: "Nobody gives roles to themself; the last one with `identity:admin` keeps it.",
        params,
        body: schemas.rolesBody,
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      const acting = await actingFor(context, request, manages);
      await acts.setRoles(acting, { userId: request.params.id, ...request.body });
      return reply.code(204).send(null);
    },
  );

  app.get(
    "/approvals",
    {
      config: guarded(),
      schema: { tags, summary: "List what waits for approval", response: { 200: schemas.approvalList } },
    },
    async (request) => {
      const acting = await actingFor(context, request, { ...erases, writes: false });
      return { approvals: (await acts.listApprovals(acting)).map(approvalOf) };
    },
  );

  app.post(
    "/approvals",
    {
      config: guarded("USER_NOT_FOUND", "PROTECTED_ACCOUNT", "JOB_NOT_FOUND", "JOB_STATE"),
      schema: {
        tags,
        summary: "Ask another administrator for approval",
        body: schemas.approvalBody,
        response: { 201: schemas.approval },
      },
    },
    async (request, reply) => {
      const { body } = request;
      const permission = permissionToAsk[body.action];
      const acting = await actingFor(context, request, { permission, writes: true });
      const asked = await requested(acting, body);
      return reply.code(201).send(approvalOf(asked));
    },
  );

  app.post(
    "/approvals/:id/decision",
    {
      config: guarded("APPROVAL_NOT_FOUND", "APPROVER_NOT_INDEPENDENT"),
      schema: {
        tags,
        summary: "Approve or deny what another administrator asks for",
        description: "Who asked can only deny it, which withdraws it.",
        params,
        body: schemas.decisionBody,
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      const acting = await actingFor(context, request, erases);
      await acts.decideOnApproval(acting, { id: request.params.id, ...request.body });
      return reply.code(204).send(null);
    },
  );
};

/** Who may do a thing may ask for it. */
const permissionToAsk = {
  "user.erase": erases.permission,
  "users.erase": erases.permission,
  "audit.export": "audit:export",
  "user.impersonate": "users:impersonate",
} as const;

function requested(
  acting: Acting,
  body: z.output<typeof schemas.approvalBody>,
): Promise<AdminApprovalDocument> {
  if (body.action === "audit.export") return requestExport(acting, body);
  if (body.action === "users.erase") return requestJobApproval(acting, body.jobId);
  if (body.action === "user.impersonate") return requestImpersonation(acting, body);
  return acts.requestErasure(acting, body);
}

function approvalOf({ _id: id, subjectId: userId, targetId: jobId, ...approval }: AdminApprovalDocument) {
  const { action, reason, status, requestedBy, createdAt, expiresAt } = approval;
  return { id, userId, jobId, action, reason, status, requestedBy, createdAt, expiresAt };
}
