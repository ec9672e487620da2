import type { BulkAct, BulkFilter, BulkJobState } from "@org/db-models";
import { limits } from "@org/db-models/core";
import { readPagePosition } from "@org/db-models/queries";
import { bulkActs, userStatuses } from "@org/db-models/schemas";
import type { FastifyReply } from "fastify";
import { z } from "zod";
import { isRefused } from "../../../pages/components/form.js";
import { Pager } from "../../../pages/components/pager.js";
import type { FormState } from "../../../pages/look/frame.js";
import { FieldErrors } from "../../../pages/serve/define-page.js";
import * as jobs from "../../bulk/jobs.js";
import type { AdminPage, AdminRequest } from "../parts/define.js";
import { fields } from "../parts/fields.js";
import type { AdminFrame } from "../parts/frame.js";
import { AdminLayout, Moment } from "../parts/layout.js";
import { NewJobs } from "./new.js";

export const jobsPath = "/jobs";
const limit = 25;

interface JobsView {
  readonly state: FormState;
  readonly jobs: readonly jobs.KnownJob[];
  readonly next: string | undefined;
  readonly isFirst: boolean;
  /** What the form begins with: the list that somebody comes from. */
  readonly from: { readonly status: string; readonly role: string; readonly by: string };
}

const malformed = { id: "problem.malformed" } as const;
const act = { schema: z.enum(bulkActs), error: malformed } as const;
const chosen = {
  act,
  reason: fields.reason,
  status: { schema: z.enum(["", ...userStatuses]), error: malformed },
  role: { schema: z.string().trim().max(limits.role), error: malformed },
  by: { schema: z.enum(["created", "active"]), error: malformed },
  since: fields.day,
  until: fields.day,
} as const;
const listed = {
  act,
  reason: fields.reason,
  users: {
    schema: z
      .string()
      .transform((text) => text.split(/[\s,;]+/).filter(Boolean))
      .pipe(z.array(z.string().max(limits.email)).min(1)),
    error: { id: "admin.error_job_list" },
  },
} as const;

const tooLarge = {
  JOB_TOO_LARGE: { id: "problem.job_too_large", values: { limit: limits.bulkUsers } },
} as const;

export const jobsPage: AdminPage<JobsView> = {
  path: jobsPath,
  permission: "users:read",
  template: Jobs,
  view: async ({ acting, page }, state) => {
    const before = page.query("before");
    const position = before === undefined ? undefined : readPagePosition(before);
    const list = await jobs.listJobs(acting, { limit, ...(position && { before: position }) });
    const from = {
      status: page.query("status") ?? "",
      role: page.query("role") ?? "",
      by: page.query("sort") ?? "created",
    };
    return { state, ...list, isFirst: before === undefined, from };
  },
  forms: [
    {
      name: "filter",
      path: `${jobsPath}/filter`,
      permission: "users:write",
      problemTexts: tooLarge,
      submit: async (request, form) => {
        const { act: what, reason, status, role, by, since, until } = form.read(chosen);
        if (role !== "" && (status !== "" || by === "active"))
          throw new FieldErrors({ role: { id: "admin.error_job_role" } });
        const filter: BulkFilter = { by, status: status || undefined, role: role || undefined, since, until };
        return prepare(request, { act: what, reason, of: filter });
      },
    },
    {
      name: "list",
      path: `${jobsPath}/list`,
      permission: "users:write",
      bodyLimit: jobs.maxListBytes,
      problemTexts: tooLarge,
      submit: async (request, form) => {
        const { act: what, reason, users } = form.read(listed);
        return prepare(request, { act: what, reason, of: users });
      },
    },
  ],
};

async function prepare({ acting, page, link }: AdminRequest, order: jobs.JobOrder): Promise<FastifyReply> {
  const { id } = await jobs.prepareJob(acting, order);
  return page.redirect(link(`${jobsPath}/${id.toHexString()}`), { id: "admin.done_job_prepared" });
}

interface Props {
  view: JobsView;
  frame: AdminFrame;
}

function Jobs({ view, frame }: Props) {
  const { state, jobs: list, next, isFirst, from } = view;
  return (
    <AdminLayout frame={frame} section={jobsPath} title={frame.t("admin.jobs")} refused={isRefused(state)}>
      <p class="muted">{frame.say("admin.jobs_text")}</p>
      {frame.admin.may("users:write") && <NewJobs frame={frame} state={state} from={from} />}
      <section class="card stack">
        <h2>{frame.say("admin.jobs_newest")}</h2>
        {list.length === 0 && <p>{frame.say("admin.jobs_none")}</p>}
        <ul class="list">
          {list.map((job) => (
            <Row key={job.id.toHexString()} job={job} frame={frame} />
          ))}
        </ul>
        <Pager
          frame={frame}
          next={next}
          isFirst={isFirst}
          linkTo={(page) => frame.admin.link(jobsPath, page)}
        />
      </section>
    </AdminLayout>
  );
}

const looks = {
  prepared: "calm",
  running: "warn",
  paused: "warn",
  cancelled: "calm",
  stopped: "bad",
  done: "good",
} as const;

/** A job's state, in words and colour. */
export function JobTag({ frame, state }: { frame: AdminFrame; state: BulkJobState }) {
  return <span class={`tag ${looks[state]}`}>{frame.say(`admin.job_state_${state}`)}</span>;
}

/** What a job does. */
export const actOf = (frame: AdminFrame, what: BulkAct) => frame.t(`admin.job_act_${what}`);

function Row({ job, frame }: { job: jobs.KnownJob; frame: AdminFrame }) {
  const { id, act: what, state, reason, counts, createdAt, createdBy, createdByEmail } = job;
  const { pending, done, failed } = counts;
  return (
    <li>
      <div class="what stack-s">
        <p>
          <a href={frame.admin.link(`${jobsPath}/${id.toHexString()}`)}>{actOf(frame, what)}</a>{" "}
          <JobTag frame={frame} state={state} />
        </p>
        <p>
          <bdi>{reason}</bdi>
        </p>
        <p class="muted small">
          {frame.say("admin.job_by_whom", {
            email: createdByEmail ?? createdBy.toHexString(),
            date: <Moment frame={frame} at={createdAt} />,
          })}
        </p>
      </div>
      <p class="muted small">
        {(
          [
            ["pending", pending],
            ["done", done],
            ["failed", failed],
          ] as const
        )
          .map(([name, count]) => `${frame.t(`admin.job_${name}`)}: ${frame.number(count)}`)
          .join(" · ")}
      </p>
    </li>
  );
}
