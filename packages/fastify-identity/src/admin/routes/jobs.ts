import { Readable } from "node:stream";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { type AdminContext, actingFor } from "../acting.js";
import { linesOf } from "../acts/audit.js";
import * as jobs from "../bulk/jobs.js";
import { guarded } from "./guarded.js";
import * as schemas from "./job-schemas.js";

const tags = ["admin"];
const params = schemas.jobParams;
const reads = { permission: "users:read", writes: false } as const;
/** What the act of the job takes is checked once it is known. */
const writes = { permission: "users:write", writes: true } as const;
const lines = "application/x-ndjson";
const sampleSize = 10;

/** One act on many users. */
export const jobRoutes: FastifyPluginAsyncZod<{ context: AdminContext }> = async (app, { context }) => {
  app.post(
    "/jobs",
    {
      config: guarded("JOB_TOO_LARGE"),
      bodyLimit: jobs.maxListBytes,
      schema: {
        tags,
        summary: "Prepare a bulk job",
        description:
          "Chooses its users, who stay what they are from now on, and does nothing to them yet. The administrator, and others " +
          "who may do as much, are left out.",
        body: schemas.jobBody,
        response: { 201: schemas.preparedJob },
      },
    },
    async (request, reply) => {
      const acting = await actingFor(context, request, writes);
      const { act, reason, filter, users } = request.body;
      const { id } = await jobs.prepareJob(acting, { act, reason, of: users ?? filter ?? { by: "created" } });
      const { items } = await jobs.listItems(acting, { id, limit: sampleSize });
      return reply.code(201).send({ job: await jobs.readJob(acting, id), sample: [...items] });
    },
  );

  app.get(
    "/jobs",
    {
      config: guarded(),
      schema: {
        tags,
        summary: "List bulk jobs",
        querystring: schemas.jobsQuery,
        response: { 200: schemas.jobPage },
      },
    },
    async (request) => {
      const acting = await actingFor(context, request, reads);
      const { limit, before } = request.query;
      const found = await jobs.listJobs(acting, { limit, ...(before && { before }) });
      return { jobs: [...found.jobs], next: found.next ?? null };
    },
  );

  app.get(
    "/jobs/:id",
    {
      config: guarded("JOB_NOT_FOUND"),
      schema: { tags, summary: "Read a bulk job", params, response: { 200: schemas.job } },
    },
    async (request) => {
      const acting = await actingFor(context, request, reads);
      return jobs.readJob(acting, request.params.id);
    },
  );

  app.get(
    "/jobs/:id/users",
    {
      config: guarded("JOB_NOT_FOUND"),
      schema: {
        tags,
        summary: "List the users of a bulk job, and what came of each",
        params,
        querystring: schemas.usersQuery,
        response: { 200: schemas.userPage },
      },
    },
    async (request) => {
      const acting = await actingFor(context, request, reads);
      const { id } = await jobs.findJob(acting, request.params.id);
      const { items, next } = await jobs.listItems(acting, { id, ...request.query });
      return { users: [...items], next: next ?? null };
    },
  );

  app.get(
    "/jobs/:id/results",
    {
      config: guarded("JOB_NOT_FOUND"),
      schema: {
        tags,
        summary: "Download the results of a bulk job",
        produces: [lines],
        params,
        response: { 200: schemas.resultLines },
      },
    },
    async (request, reply) => {
      const acting = await actingFor(context, request, reads);
      const job = await jobs.findJob(acting, request.params.id);
      reply.headers({
        "cache-control": "no-store",
        "content-disposition": `attachment; filename="job-${job.id.toHexString()}.ndjson"`,
      });
      // A stream passes the serializer by; the schema is for the document.
      const body = Readable.from(linesOf(jobs.resultsOf(acting, job)));
      return reply.type(lines).send(body as unknown as string);
    },
  );

  app.post(
    "/jobs/:id/start",
    {
      config: guarded("JOB_NOT_FOUND", "JOB_STATE", "APPROVAL_REQUIRED"),
      schema: {
        tags,
        summary: "Start a bulk job of your own",
        description: "It runs in the background. To erase, it takes what another administrator has approved.",
        params,
        body: schemas.startBody,
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      const acting = await actingFor(context, request, writes);
      const { count, approvalId } = request.body;
      await jobs.startJob(acting, context.jobs, { id: request.params.id, count, approvalId });
      return reply.code(204).send(null);
    },
  );

  app.post(
    "/jobs/:id/change",
    {
      config: guarded("JOB_NOT_FOUND", "JOB_STATE"),
      schema: {
        tags,
        summary: "Pause, resume or cancel a bulk job",
        description: "The user who has their turn is finished first. Only who started it resumes it.",
        params,
        body: schemas.changeBody,
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      const acting = await actingFor(context, request, writes);
      const { id } = request.params;
      const { change } = request.body;
      if (change === "pause") await jobs.pauseJob(acting, id);
      else if (change === "resume") await jobs.resumeJob(acting, context.jobs, id);
      else await jobs.cancelJob(acting, id);
      return reply.code(204).send(null);
    },
  );
};
