import type { AuditVerification } from "@org/db-models";
import type { Types } from "mongoose";
import { Codes } from "../../pages/components/codes.js";
import { Field, Form, isRefused, Submit, TextArea } from "../../pages/components/form.js";
import { Pager } from "../../pages/components/pager.js";
import { type FormState, untouched } from "../../pages/look/frame.js";
import type { KnownCheckpoint, KnownRecord } from "../acts/audit.js";
import type { AdminFrame } from "./parts/frame.js";
import { AdminLayout, Moment, Reasoned } from "./parts/layout.js";

const path = "/audit";

/** What the page lists: at most one of the first three. */
export interface AuditFilter {
  readonly subjectId: Types.ObjectId | undefined;
  readonly actorId: Types.ObjectId | undefined;
  readonly action: string | undefined;
  readonly since: Date | undefined;
  readonly until: Date | undefined;
}

export interface AuditView {
  readonly state: FormState;
  readonly events: readonly KnownRecord[];
  readonly next: string | undefined;
  readonly filter: AuditFilter;
  /** Address of the user whom the filter names. */
  readonly email: string | undefined;
  readonly isFirst: boolean;
  readonly checkpoints: readonly KnownCheckpoint[];
  /** What another administrator has approved for the reader. */
  readonly approvalId: string | undefined;
  readonly twoAdministrators: boolean;
}

interface Props {
  view: AuditView;
  frame: AdminFrame;
}

const dayOf = (at: Date | undefined) => at?.toISOString().slice(0, 10);

function queryOf({ subjectId, actorId, action, since, until }: AuditFilter) {
  const [subject, actor] = [subjectId?.toHexString(), actorId?.toHexString()];
  return { subject, actor, action, since: dayOf(since), until: dayOf(until) };
}

/** The audit trail, and what can be done with it. */
export function Audit({ view, frame }: Props) {
  const { state, events, next, filter, email, isFirst } = view;
  const query = queryOf(filter);
  const about = filter.subjectId ? "admin.audit_of" : "admin.audit_by";
  const person = filter.subjectId ?? filter.actorId;
  return (
    <AdminLayout frame={frame} section={path} title={frame.t("admin.audit")} refused={isRefused(state)}>
      <p class="muted">{frame.say("admin.audit_text")}</p>
      <section class="card stack">
        <Filter view={view} frame={frame} />
        {person && (
          <div class="row">
            <h2>{frame.say(about, { email: email ?? person.toHexString() })}</h2>
            <a href={frame.admin.link(path)}>{frame.say("admin.audit_all")}</a>
          </div>
        )}
        {events.length === 0 && <p>{frame.say("admin.audit_none")}</p>}
        <ul class="list">
          {events.map((event) => (
            <Event key={event.id.toHexString()} event={event} frame={frame} />
          ))}
        </ul>
        <Pager
          frame={frame}
          next={next}
          isFirst={isFirst}
          linkTo={(page) => frame.admin.link(path, { ...query, ...page })}
        />
      </section>
      <Verify state={state} frame={frame} />
      {frame.admin.may("audit:export") && <Export view={view} frame={frame} />}
      <Checkpoints checkpoints={view.checkpoints} frame={frame} />
    </AdminLayout>
  );
}

function Filter({ view, frame }: Props) {
  const { subject, actor, action, since, until } = queryOf(view.filter);
  const shared = { frame, state: untouched, form: "filter", autocomplete: "off" } as const;
  return (
    <form method="get" action={frame.admin.link(path)} class="stack">
      {!subject && !actor && (
        <Field
          {...shared}
          name="action"
          label="admin.audit_action"
          type="text"
          autocapitalize="none"
          spellcheck={false}
          hint={frame.say("admin.audit_action_hint")}
          value={action ?? ""}
        />
      )}
      <div class="actions filter">
        <Field {...shared} name="since" label="admin.audit_since" type="date" value={since ?? ""} />
        <Field {...shared} name="until" label="admin.audit_until" type="date" value={until ?? ""} />
        <Submit frame={frame} label="admin.show" look="secondary" />
        {subject && <input type="hidden" name="subject" value={subject} />}
        {actor && <input type="hidden" name="actor" value={actor} />}
      </div>
    </form>
  );
}

const looks = { success: "good", failure: "bad", denied: "warn" } as const;

function Event({ event, frame }: { event: KnownRecord; frame: AdminFrame }) {
  const { at, action, outcome, targetType, targetId, network, details, chainId, sequence } = event;
  const target = [targetType, targetId].filter(Boolean).join(" ");
  return (
    <li>
      <div class="what stack-s">
        <p>
          <code>{action}</code>{" "}
          <span class={`tag ${looks[outcome]}`}>{frame.say(`admin.audit_${outcome}`)}</span>
        </p>
        <p class="small">
          <Who event={event} frame={frame} />
        </p>
        <p class="small">
          <Codes
            of={[target, ...details.map(({ key, value }) => `${key}: ${value}`), network ?? ""].filter(
              Boolean,
            )}
          />
        </p>
        <p class="muted small">
          {frame.say("admin.audit_place", { chain: chainId, sequence: String(sequence) })}
        </p>
      </div>
      <p class="muted small">
        <Moment frame={frame} at={at} />
      </p>
    </li>
  );
}

function Who({ event, frame }: { event: KnownRecord; frame: AdminFrame }) {
  const { actorId, actorEmail, subjectId, subjectEmail, hasActor, hasSubject } = event;
  const person = (id: typeof actorId, email: string | undefined, isThere: boolean) => {
    if (!id) return frame.say(isThere ? "admin.audit_person" : "admin.audit_nobody");
    return (
      <a href={frame.admin.link(`/users/${id.toHexString()}`)}>
        <bdi>{email ?? id.toHexString()}</bdi>
      </a>
    );
  };
  const actor = person(actorId, actorEmail, hasActor);
  if (!hasSubject) return <>{actor}</>;
  return <>{frame.say("admin.audit_who", { actor, subject: person(subjectId, subjectEmail, hasSubject) })}</>;
}

function Verify({ state, frame }: { state: FormState; frame: AdminFrame }) {
  return (
    <section class="card">
      <Form frame={frame} name="verify" state={state} action={frame.admin.link(`${path}/verify`)} progress>
        <h2>{frame.say("admin.audit_verify")}</h2>
        <p>{frame.say("admin.audit_verify_text")}</p>
        <TextArea
          frame={frame}
          state={state}
          form="verify"
          name="checkpoint"
          label="admin.audit_checkpoint"
          hint={frame.say("admin.audit_checkpoint_hint")}
          optional
        />
        <div role="status" class="stack" data-progress-text />
        <p class="error" role="alert" hidden>
          {frame.say("admin.audit_failed")}
        </p>
        <Submit frame={frame} label="admin.audit_verify" look="primary" />
      </Form>
    </section>
  );
}

interface ResultView {
  readonly result: AuditVerification;
  readonly hasKeys: boolean;
}

/** What a verification found. */
export function VerificationResult({ view, frame }: { view: ResultView; frame: AdminFrame }) {
  const { result, hasKeys } = view;
  const { intact, events, chains, checkpoints, breaks } = result;
  const counts = {
    events: frame.number(events),
    chains: frame.number(chains),
    checkpoints: frame.number(checkpoints),
  };
  return (
    <div class="stack-s">
      <p>
        <strong>{frame.say(intact ? "admin.audit_intact" : "admin.audit_broken")}</strong>{" "}
        <span class={`tag ${intact ? "good" : "bad"}`}>
          {frame.say(intact ? "admin.audit_success" : "admin.audit_failure")}
        </span>
      </p>
      <p>{frame.say("admin.audit_counts", counts)}</p>
      {!hasKeys && <p class="muted">{frame.say("admin.audit_no_keys")}</p>}
      {breaks.length > 0 && (
        <ul class="points">
          {breaks.map((one, at) => {
            const problem = <code>{one.problem}</code>;
            return (
              <li key={at}>
                {"checkpoint" in one
                  ? frame.say("admin.audit_checkpoint_break", { problem, number: String(one.checkpoint) })
                  : frame.say("admin.audit_break", {
                      problem,
                      sequence: String(one.sequence),
                      chain: one.chainId,
                    })}
              </li>
            );
          })}
        </ul>
      )}
    </div>
  );
}

/** The answer to who verifies without the script. */
export function Verification({ view, frame }: { view: ResultView; frame: AdminFrame }) {
  return (
    <AdminLayout frame={frame} section={path} title={frame.t("admin.audit_verify")}>
      <section class="card stack">
        <VerificationResult view={view} frame={frame} />
        <a class="button secondary" href={frame.admin.link(path)}>
          {frame.say("admin.audit_back")}
        </a>
      </section>
    </AdminLayout>
  );
}

function Export({ view, frame }: Props) {
  const { state, twoAdministrators, approvalId, filter } = view;
  const needsApproval = twoAdministrators && approvalId === undefined;
  const { since = "", until = "" } = queryOf(filter);
  return (
    <section class="card stack">
      <h2>{frame.say("admin.audit_export")}</h2>
      {needsApproval ? (
        <Reasoned
          frame={frame}
          state={state}
          name="request-export"
          action={frame.admin.link(`${path}/request-export`)}
          label="admin.audit_export_request"
          text="admin.audit_export_request_text"
        />
      ) : (
        <Reasoned
          frame={frame}
          state={state}
          name="export"
          action={frame.admin.link(`${path}/export`)}
          label="admin.audit_export"
          text="admin.audit_export_text"
          download
        >
          <input type="hidden" name="approval" value={approvalId ?? ""} />
          <input type="hidden" name="since" value={since} />
          <input type="hidden" name="until" value={until} />
        </Reasoned>
      )}
    </section>
  );
}

function Checkpoints({ checkpoints, frame }: { checkpoints: readonly KnownCheckpoint[]; frame: AdminFrame }) {
  return (
    <section class="card stack">
      <h2>{frame.say("admin.checkpoints")}</h2>
      <p class="muted">{frame.say("admin.checkpoints_text")}</p>
      {checkpoints.length === 0 && <p>{frame.say("admin.checkpoints_none")}</p>}
      <ul class="list">
        {checkpoints.map(({ number, at, chains, keyId }) => (
          <li key={number}>
            <div class="what stack-s">
              <p>
                <a
                  href={frame.admin.link(`${path}/checkpoints/${number}`)}
                  download={`checkpoint-${number}.json`}
                >
                  {frame.say("admin.checkpoint", { number: String(number) })}
                </a>
              </p>
              <p class="muted small">
                {frame.say("admin.checkpoint_chains", { chains: frame.number(chains) })} ·{" "}
                <code>{keyId}</code>
              </p>
            </div>
            <p class="muted small">
              <Moment frame={frame} at={at} />
            </p>
          </li>
        ))}
      </ul>
    </section>
  );
}
