import type { BulkItemState } from "@org/db-models";
import { bulkItemStates } from "@org/db-models/schemas";
import { Field, Form, isRefused, Submit } from "../../../pages/components/form.js";
import type { FormState } from "../../../pages/look/frame.js";
import type { MessageId } from "../../../pages/messages/english.js";
import type { KnownItem, KnownJob } from "../../bulk/jobs.js";
import type { AdminFrame } from "../parts/frame.js";
import { AdminLayout, ListFilter, Moment } from "../parts/layout.js";
import { messageOr } from "../user-view.js";
import { actOf, JobTag, jobsPath } from "./list.js";
import { Progress } from "./progress.js";

/** What the page of a job shows. */
export interface JobView {
  readonly state: FormState;
  readonly job: KnownJob;
  readonly items: readonly KnownItem[];
  /** Position of the next page. */
  readonly next: number | undefined;
  readonly isFirst: boolean;
  /** Which users are listed; undefined for all. */
  readonly only: BulkItemState | undefined;
  /** Whether the reader started it. */
  readonly own: boolean;
  readonly isTooOld: boolean;
  readonly needsApproval: boolean;
  readonly approvalId: string | undefined;
}

interface Props {
  view: JobView;
  frame: AdminFrame;
}

const pathOf = ({ job }: JobView, what = "") => `${jobsPath}/${job.id.toHexString()}${what}`;

/** A bulk job: whom it is for, how far it is, and what came of each user. */
export function Job({ view, frame }: Props) {
  const { state, job } = view;
  const mayChange = frame.admin.may(job.act === "erase" ? "users:erase" : "users:write");
  return (
    <AdminLayout frame={frame} section={jobsPath} title={actOf(frame, job.act)} refused={isRefused(state)}>
      <Glance view={view} frame={frame} />
      {job.state === "running" && (
        <section class="card">
          <div role="status" data-follow={frame.admin.link(pathOf(view, "/progress"))}>
            <Progress frame={frame} job={job} />
          </div>
        </section>
      )}
      {mayChange && job.state === "prepared" && <Start view={view} frame={frame} />}
      {mayChange && (job.state === "running" || job.state === "paused") && (
        <Change view={view} frame={frame} />
      )}
      <Users view={view} frame={frame} />
    </AdminLayout>
  );
}

function Glance({ view, frame }: Props) {
  const { job } = view;
  const { state, reason, counts, createdAt, createdBy, createdByEmail, unknown, unknownAt, stopCode } = job;
  const names = ["pending", "excluded", "done", "skipped", "failed"] as const;
  return (
    <section class="card stack">
      <p>
        <JobTag frame={frame} state={state} /> <bdi>{reason}</bdi>
      </p>
      {stopCode && <p>{frame.say("admin.job_stopped_text", { code: <code>{stopCode}</code> })}</p>}
      <p class="muted small">
        {frame.say("admin.job_by_whom", {
          email: createdByEmail ?? createdBy.toHexString(),
          date: <Moment frame={frame} at={createdAt} />,
        })}
      </p>
      <p>
        <Chosen view={view} frame={frame} />
      </p>
      {unknown > 0 && (
        <p>
          {frame.say(unknown > unknownAt.length ? "admin.job_unknown_more" : "admin.job_unknown", {
            count: frame.number(unknown),
            entries: unknownAt.map((at) => frame.number(at)).join(", "),
          })}
        </p>
      )}
      <dl class="facts">
        {names.map((name) => (
          <div key={name}>
            <dt>{frame.say(`admin.job_${name}`)}</dt>
            <dd>{frame.number(counts[name])}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function Chosen({ view, frame }: Props) {
  const { filter } = view.job;
  if (!filter) return <>{frame.say("admin.job_from_list")}</>;
  const any = frame.t("admin.job_any");
  const { status, role, by, since, until } = filter;
  const day = (date: Date | undefined) => (date ? <Moment frame={frame} at={date} /> : any);
  return (
    <>
      {frame.say("admin.job_from_filter", {
        status: status ? frame.t(`admin.status_${status}`) : any,
        role: role ?? any,
        by: frame.t(`admin.job_by_${by}`),
        since: day(since),
        until: day(until),
      })}
    </>
  );
}

interface PressProps extends Props {
  name: string;
  label: MessageId;
  look?: string;
}

/** Something that is done by one press. */
function Press({ view, frame, name, label, look = "secondary" }: PressProps) {
  return (
    <Form frame={frame} name={name} state={view.state} action={frame.admin.link(pathOf(view, `/${name}`))}>
      <Submit frame={frame} label={label} look={look} />
    </Form>
  );
}

function Start({ view, frame }: Props) {
  const { state, job, own, isTooOld, needsApproval, approvalId } = view;
  const { pending } = job.counts;
  if (!own || isTooOld || pending === 0) {
    return (
      <section class="card stack">
        {own && <p>{frame.say(isTooOld ? "admin.job_too_old" : "admin.job_nobody")}</p>}
        <Press view={view} frame={frame} name="cancel" label="admin.job_discard" look="danger" />
      </section>
    );
  }
  return (
    <section class="card stack">
      <h2>{frame.say("admin.job_start")}</h2>
      {needsApproval ? (
        <>
          <p>{frame.say("admin.job_approval_text")}</p>
          <Press view={view} frame={frame} name="request-approval" label="admin.job_approval" />
        </>
      ) : (
        <Form frame={frame} name="start" state={state} action={frame.admin.link(pathOf(view, "/start"))}>
          <p>{frame.say("admin.job_start_text", { date: <Moment frame={frame} at={job.startBy} /> })}</p>
          <input type="hidden" name="approval" value={approvalId ?? ""} />
          <Field
            frame={frame}
            state={state}
            form="start"
            name="count"
            label="admin.job_count"
            type="text"
            inputMode="numeric"
            autocomplete="off"
            hint={frame.say("admin.job_count_hint", { count: String(pending) })}
            required
          />
          <Submit frame={frame} label="admin.job_start" look="danger" />
        </Form>
      )}
      <Press view={view} frame={frame} name="cancel" label="admin.job_discard" />
    </section>
  );
}

function Change({ view, frame }: Props) {
  const { job, own } = view;
  const isPaused = job.state === "paused";
  return (
    <section class="card stack">
      <h2>{frame.say("admin.actions")}</h2>
      <div class="actions">
        {!isPaused && <Press view={view} frame={frame} name="pause" label="admin.job_pause" />}
        {isPaused && own && <Press view={view} frame={frame} name="resume" label="admin.job_resume" />}
        <Press view={view} frame={frame} name="cancel" label="admin.job_cancel" look="danger" />
      </div>
      {isPaused && !own && <p class="muted">{frame.say("admin.job_resume_other")}</p>}
    </section>
  );
}

const looks = {
  excluded: "calm",
  pending: "calm",
  running: "warn",
  done: "good",
  skipped: "calm",
  failed: "bad",
} as const;

function Users({ view, frame }: Props) {
  const { items, next, isFirst, only, job } = view;
  const options = [
    { value: "", label: frame.t("admin.job_users_all") },
    ...bulkItemStates.map((value) => ({ value, label: frame.t(`admin.job_${value}`) })),
  ];
  return (
    <section class="card stack">
      <h2>{frame.say("admin.job_users")}</h2>
      <ListFilter
        frame={frame}
        path={pathOf(view)}
        name="state"
        label="admin.events_shown"
        options={options}
        value={only ?? ""}
      />
      {items.length === 0 && <p>{frame.say("admin.job_users_none")}</p>}
      <ul class="list">
        {items.map((item) => (
          <Item key={item.position} item={item} frame={frame} />
        ))}
      </ul>
      <div class="actions">
        {!isFirst && (
          <a href={frame.admin.link(pathOf(view), { state: only })}>{frame.say("admin.job_first")}</a>
        )}
        {next !== undefined && (
          <a href={frame.admin.link(pathOf(view), { state: only, from: String(next) })}>
            {frame.say("admin.more")}
          </a>
        )}
        {job.state !== "prepared" && (
          <a
            href={frame.admin.link(pathOf(view, "/results"))}
            download={`job-${job.id.toHexString()}.ndjson`}
          >
            {frame.say("admin.job_download")}
          </a>
        )}
      </div>
    </section>
  );
}

function Item({ item, frame }: { item: KnownItem; frame: AdminFrame }) {
  const { userId, email, state, code, at } = item;
  const id = userId.toHexString();
  const known = messageOr(`admin.job_code_${code}`, "admin.job_failed");
  return (
    <li>
      <div class="what">
        <p>
          <a href={frame.admin.link(`/users/${id}`)}>
            <bdi>{email ?? id}</bdi>
          </a>{" "}
          <span class={`tag ${looks[state]}`}>{frame.say(`admin.job_${state}`)}</span>
        </p>
        {code !== undefined && (
          <p class="small">{known === "admin.job_failed" ? <code>{code}</code> : frame.say(known)}</p>
        )}
      </div>
      {at && (
        <p class="muted small">
          <Moment frame={frame} at={at} />
        </p>
      )}
    </li>
  );
}
