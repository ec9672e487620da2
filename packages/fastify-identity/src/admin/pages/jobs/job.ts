import { Readable } from "node:stream";
import type { BulkItemState } from "@org/db-models";
import { bulkItemStates } from "@org/db-models/schemas";
import type { FastifyInstance } from "fastify";
import { Types } from "mongoose";
import { z } from "zod";
import { IdentityProblem } from "../../../flows/problems.js";
import type { MessageId } from "../../../pages/messages/english.js";
import { Page } from "../../../pages/page.js";
import { actingFor } from "../../acting.js";
import { linesOf } from "../../acts/audit.js";
import { answerStream } from "../../answer-stream.js";
import { approvalFor, bulkErasure } from "../../approvals.js";
import * as jobs from "../../bulk/jobs.js";
import {
  type AdminForm,
  type AdminPage,
  type AdminRequest,
  type AdminSite,
  requestOf,
} from "../parts/define.js";
import { Job, type JobView } from "./job-template.js";
import { followJob } from "./progress.js";

const path = "/jobs/:id";
const limit = 25;

const isState = (text: string | undefined): text is BulkItemState =>
  (bulkItemStates as readonly (string | undefined)[]).includes(text);

function idFrom(text: string): Types.ObjectId {
  if (!/^[0-9a-f]{24}$/.test(text)) throw new IdentityProblem("NOT_FOUND");
  return new Types.ObjectId(text);
}

const idOf = ({ parameter }: AdminRequest) => idFrom(parameter("id"));

const count = {
  schema: z
    .string()
    .trim()
    .regex(/^\d{1,5}$/)
    .transform(Number),
  error: { id: "admin.error_job_count" },
} as const;

export const jobPage: AdminPage<JobView> = {
  path,
  permission: "users:read",
  template: Job,
  view: async (request, state) => {
    const { acting, page } = request;
    const id = idOf(request);
    const [only, from] = [page.query("state"), page.query("from")];
    const wanted = isState(only) ? only : undefined;
    const job = await jobs.readJob(acting, id);
    const start = from !== undefined && /^\d{1,5}$/.test(from) ? Number(from) : 0;
    const [users, approvalId] = await Promise.all([
      jobs.listItems(acting, { id, state: wanted, from: start, limit }),
      job.act === "erase" ? approvalFor(acting, { action: bulkErasure, targetId: id }) : undefined,
    ]);
    return {
      state,
      job,
      ...users,
      only: wanted,
      isFirst: start === 0,
      own: job.createdBy.equals(acting.userId),
      isTooOld: job.startBy <= acting.service.clock.now(),
      needsApproval: job.act === "erase" && acting.settings.twoAdministrators && approvalId === undefined,
      approvalId,
    };
  },
  forms: [
    {
      name: "start",
      path: `${path}/start`,
      permission: "users:write",
      problemAt: { INVALID_INPUT: "count" },
      problemTexts: { INVALID_INPUT: { id: "admin.error_job_count" } },
      submit: async (request, form) => {
        const { acting, admin } = request;
        const read = form.read({ count });
        const approval = form.text("approval");
        const approvalId = /^[0-9a-f]{24}$/.test(approval) ? new Types.ObjectId(approval) : undefined;
        await jobs.startJob(acting, admin.jobs, { id: idOf(request), count: read.count, approvalId });
        return back(request, "admin.done_job_started");
      },
    },
    change("request-approval", "admin.done_approval_requested", ({ acting }, id) =>
      jobs.requestJobApproval(acting, id),
    ),
    change("pause", "admin.done_job_paused", ({ acting }, id) => jobs.pauseJob(acting, id)),
    change("resume", "admin.done_job_resumed", ({ acting, admin }, id) =>
      jobs.resumeJob(acting, admin.jobs, id),
    ),
    change("cancel", "admin.done_job_cancelled", ({ acting }, id) => jobs.cancelJob(acting, id)),
  ],
};

function change(
  name: string,
  notice: MessageId,
  act: (request: AdminRequest, id: Types.ObjectId) => Promise<unknown>,
): AdminForm {
  return {
    name,
    path: `${path}/${name}`,
    permission: "users:write",
    submit: async (request) => {
      await act(request, idOf(request));
      return back(request, notice);
    },
  };
}

const back = (request: AdminRequest, id: MessageId) =>
  request.page.redirect(request.link(`/jobs/${idOf(request).toHexString()}`), { id });

const options = {
  config: { identity: { accept: ["session"] } },
  schema: { hide: true } as object,
} as const;
const reads = { permission: "users:read", writes: false } as const;

/** The results of a job as a file. */
export function serveJobResults(scope: FastifyInstance, admin: AdminSite): void {
  scope.get<{ Params: { id: string } }>(`${path}/results`, options, async (request, reply) => {
    const acting = await actingFor(admin, request, reads);
    const job = await jobs.findJob(acting, idFrom(request.params.id));
    return reply
      .headers({
        "content-type": "application/x-ndjson",
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        "content-disposition": `attachment; filename="job-${job.id.toHexString()}.ndjson"`,
      })
      .send(Readable.from(linesOf(jobs.resultsOf(acting, job))));
  });
}

/** How far a job has come, for the script of its page. */
export function serveJobProgress(scope: FastifyInstance, admin: AdminSite): void {
  scope.get<{ Params: { id: string } }>(`${path}/progress`, options, async (request, reply) => {
    const acting = await actingFor(admin, request, reads);
    const job = await jobs.findJob(acting, idFrom(request.params.id));
    const { frame } = requestOf(admin, new Page(admin.site, request, reply), acting);
    const shown = frame(await new Page(admin.site, request, reply).frame(""));
    const body = await answerStream(admin, request, reply, {
      acting,
      permission: reads.permission,
      event: { action: "admin.bulk_job_followed", targetType: "bulk_job", targetId: job.id.toHexString() },
      source: (_from, signal) => followJob(acting, job, { frame: shown, signal }),
    });
    return reply.send(body);
  });
}
