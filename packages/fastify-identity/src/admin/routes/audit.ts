import { Readable } from "node:stream";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { passwordRateLimit } from "../../http/rate-limit.js";
import { type AdminContext, actingFor } from "../acting.js";
import * as acts from "../acts/audit.js";
import * as schemas from "./audit-schemas.js";
import { guarded } from "./guarded.js";

const tags = ["admin"];
const reads = { permission: "audit:read", writes: false } as const;
const lines = "application/x-ndjson";

/** The audit trail: search, verification, checkpoints, export. */
export const auditRoutes: FastifyPluginAsyncZod<{ context: AdminContext }> = async (app, { context }) => {
  const limited = { rateLimit: passwordRateLimit(context.service) };

  app.get(
    "/audit",
    {
      config: guarded("USER_NOT_FOUND"),
      schema: {
        tags,
        summary: "List audit events",
        querystring: schemas.auditQuery,
        response: { 200: schemas.auditPage },
      },
    },
    async (request) => {
      const acting = await actingFor(context, request, reads);
      const { limit, before, since, ...search } = request.query;
      const page = { limit, ...(before && { before }), ...(since && { since }) };
      const { events, next } = await acts.listAudit(acting, { ...search, page });
      return { events: [...events], next: next ?? null };
    },
  );

  app.post(
    "/audit/verification",
    {
      config: { ...guarded(), ...limited },
      schema: {
        tags,
        summary: "Verify the audit trail",
        description:
          "Reads every chain. The answer is lines of JSON: `progress` as it goes on, and at last `result`. Without a `result` " +
          "it did not come to its end.",
        produces: [lines],
        body: schemas.verificationBody,
        response: { 200: schemas.verificationLines },
      },
    },
    async (request, reply) => {
      const acting = await actingFor(context, request, reads);
      const steps = acts.verifyAudit(acting, request.body.checkpoint);
      const body = Readable.from(acts.linesOf(steps), { highWaterMark: 1 });
      // A stream passes the serializer by; the schema is for the document.
      return reply
        .type(lines)
        .header("cache-control", "no-store")
        .send(body as unknown as string);
    },
  );

  app.post(
    "/audit/export",
    {
      config: { ...guarded("APPROVAL_REQUIRED"), ...limited },
      schema: {
        tags,
        summary: "Export the audit trail",
        description: "Takes what another administrator has approved, unless the service has only one.",
        produces: [lines],
        body: schemas.exportBody,
        response: { 200: schemas.exportLines },
      },
    },
    async (request, reply) => {
      const acting = await actingFor(context, request, { permission: "audit:export", writes: true });
      const { since, until, reason, approvalId } = request.body;
      const exported = await acts.exportAudit(acting, { since, until, reason, approvalId });
      reply.headers({
        "cache-control": "no-store",
        "content-disposition": 'attachment; filename="audit.ndjson"',
      });
      return reply.type(lines).send(Readable.from(exported) as unknown as string);
    },
  );

  app.get(
    "/audit/checkpoints",
    {
      config: guarded(),
      schema: {
        tags,
        summary: "List the checkpoints of the audit trail",
        querystring: schemas.checkpointsQuery,
        response: { 200: schemas.checkpointPage },
      },
    },
    async (request) => {
      const acting = await actingFor(context, request, reads);
      const { checkpoints, next } = await acts.listCheckpoints(acting, request.query);
      return { checkpoints: [...checkpoints], next: next ?? null };
    },
  );

  app.get(
    "/audit/checkpoints/:number",
    {
      config: guarded("CHECKPOINT_NOT_FOUND"),
      schema: {
        tags,
        summary: "Read a checkpoint of the audit trail",
        description: "To be kept out of reach of who can write to the database, and verified with later.",
        params: schemas.checkpointParams,
        response: { 200: schemas.checkpoint },
      },
    },
    async (request) => {
      const acting = await actingFor(context, request, reads);
      return acts.readCheckpoint(acting, request.params.number);
    },
  );
};
