import type { TakenOffSummary } from "@org/db-models";
import { Form, isRefused, Submit } from "../components/form.js";
import { ItemAction } from "../components/item-action.js";
import { CardLayout } from "../components/layout.js";
import type { FormState, PageFrame } from "../look/frame.js";
import type { PageViews, ReportView } from "../views.js";

export function ReportSignIn({
  view: { state, token },
  frame,
}: {
  view: PageViews["reportSignIn"];
  frame: PageFrame;
}) {
  return (
    <CardLayout frame={frame} title={frame.t("not_me.title")} refused={isRefused(state)}>
      <Form frame={frame} state={state} action={frame.link("/not-me")}>
        <p>{frame.say("not_me.text")}</p>
        <input type="hidden" name="token" value={token} />
        <Submit frame={frame} label="not_me.submit" look="danger" />
      </Form>
    </CardLayout>
  );
}

interface ReportsProps {
  reports: readonly ReportView[];
  state: FormState;
  frame: PageFrame;
}

/** Sign-ins that were reported, with what was taken off and a way to undo it. */
export function Reports({ reports, state, frame }: ReportsProps) {
  return (
    <section class="card stack">
      <h2>{frame.say("security.reports")}</h2>
      <ul class="list">
        {reports.map((report) => (
          <Report key={report.id} report={report} state={state} frame={frame} />
        ))}
      </ul>
    </section>
  );
}

function Report({ report, state, frame }: Omit<ReportsProps, "reports"> & { report: ReportView }) {
  const { id, device, country, reportedAt, undoUntil, undoneAt, restored } = report;
  return (
    <li>
      <div class="what stack-s">
        <p>
          <strong class="upper">
            <bdi>{[device, country].filter(Boolean).join(", ")}</bdi>
          </strong>
        </p>
        <p class="muted small">{frame.say("security.report_time", { date: frame.date(reportedAt) })}</p>
        <TakenOff takenOff={report.takenOff} frame={frame} />
        {undoneAt && (
          <p class="small">
            {frame.say("security.report_undone", { date: frame.date(undoneAt), count: restored })}
          </p>
        )}
        {undoUntil && (
          <p class="muted small">{frame.say("security.report_until", { date: frame.date(undoUntil) })}</p>
        )}
      </div>
      {undoUntil && (
        <ItemAction
          frame={frame}
          state={state}
          name="undo-report"
          action={frame.link("/security/reports/undo")}
          id={id}
          label="security.report_undo"
          what={device}
          look="secondary"
        />
      )}
    </li>
  );
}

/** What a report took off, a line each. */
export function TakenOff({ takenOff, frame }: { takenOff: TakenOffSummary; frame: PageFrame }) {
  const { passkeys, providers, apiKeys, apps, totp, recoveryCodes, email, password } = takenOff;
  const named = (id: Parameters<PageFrame["say"]>[0], names: readonly string[]) =>
    names.length > 0 && frame.say(id, { names: <bdi>{names.join(", ")}</bdi> });
  const lines = [
    named("security.report_passkeys", passkeys),
    named("security.report_providers", providers),
    named("security.report_keys", apiKeys),
    apps > 0 && frame.say("security.report_apps", { count: apps }),
    totp && frame.say("security.report_totp"),
    recoveryCodes && frame.say("security.report_codes"),
    email && email !== "taken" && frame.say("security.report_email"),
    password && frame.say("security.report_password"),
  ].filter(Boolean);
  return (
    <ul class="list-plain small">
      {lines.length === 0 ? (
        <li>{frame.say("security.report_nothing")}</li>
      ) : (
        lines.map((line, at) => <li key={at}>{line}</li>)
      )}
    </ul>
  );
}
