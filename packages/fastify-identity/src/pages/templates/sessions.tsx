// Where an account is signed in.
import { Form, Submit } from "../components/form.js";
import { ItemAction } from "../components/item-action.js";
import type { PageFrame } from "../look/frame.js";
import type { PageViews, SessionView } from "../views.js";

interface Props {
  view: PageViews["security"];
  frame: PageFrame;
}

/** Where the account is signed in, and how each session ends. */
export function Sessions({ view, frame }: Props) {
  const { state, sessions } = view;
  const action = (what: string) => frame.link(`/security/sessions/${what}`);
  return (
    <section class="card stack">
      <h2>{frame.say("security.sessions")}</h2>
      <ul class="list">
        {sessions.map((session) => (
          <Session key={session.id} session={session} view={view} frame={frame} />
        ))}
      </ul>
      <div class="actions">
        {sessions.length > 1 && (
          <Form frame={frame} name="others" state={state} action={action("end-others")}>
            <Submit frame={frame} label="security.sessions_end_others" look="secondary" />
          </Form>
        )}
        <Form frame={frame} name="all" state={state} action={action("end-all")}>
          <Submit frame={frame} label="security.sessions_end_all" look="danger" />
        </Form>
      </div>
      {frame.apps && (
        <p class="muted small">
          {frame.say("security.sessions_apps", {
            apps: <a href={frame.link("/apps")}>{frame.say("nav.apps")}</a>,
          })}
        </p>
      )}
    </section>
  );
}

function Session({ session, view, frame }: Props & { session: SessionView }) {
  const { id, place, address, createdAt, lastSeenAt, risk, current, impersonation } = session;
  const device = impersonation
    ? frame.t("security.session_impersonation")
    : session.device || frame.t("security.unknown_device");
  return (
    <li>
      <div class="what">
        <p>
          <strong class="upper">
            <bdi>{device}</bdi>
          </strong>{" "}
          {current && <span class="tag good">{frame.say("security.session_here")}</span>}{" "}
          {risk && (
            <span class={`tag ${risk === "high" ? "bad" : "warn"}`}>
              {frame.say(`security.risk_${risk}`)}
            </span>
          )}
        </p>
        {impersonation?.reason !== undefined && (
          <p>
            <bdi>{impersonation.reason}</bdi>
          </p>
        )}
        <p class="muted small">
          {[place, address].filter(Boolean).map((part) => (
            <>
              <bdi>{part}</bdi>
              {" · "}
            </>
          ))}
          {frame.say("security.session_last", { date: frame.date(lastSeenAt) })}
          {" · "}
          {frame.say(impersonation ? "security.session_begun" : "security.session_since", {
            date: frame.date(createdAt),
          })}
        </p>
      </div>
      {!current && (
        <div class="actions">
          {(impersonation ? (["end"] as const) : (["end", "not-mine"] as const)).map((what) => (
            <ItemAction
              key={what}
              frame={frame}
              state={view.state}
              name={what}
              action={frame.link(`/security/sessions/${what}`)}
              id={id}
              label={what === "end" ? "security.session_end" : "security.session_not_mine"}
              what={device}
              look={what === "end" ? "secondary" : "plain bad"}
            />
          ))}
        </div>
      )}
    </li>
  );
}
