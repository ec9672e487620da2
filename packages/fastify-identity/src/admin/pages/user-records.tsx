import type { UserSessionDocument } from "@org/db-models";
import { Codes } from "../../pages/components/codes.js";
import type { MessageId } from "../../pages/messages/english.js";
import type { PastSession } from "../acts/users.js";
import { Moment, RowAct } from "./parts/layout.js";
import { EventRow } from "./security-events-template.js";
import { messageOr, type UserProps } from "./user-view.js";

/** The sessions of a user, ended ones too. */
export function Sessions({ view, frame }: UserProps) {
  const { past, next, detail, own } = view;
  const live = new Set(detail.sessions.map(({ id }) => id.toHexString()));
  const here = `/users/${detail.user._id.toHexString()}`;
  return (
    <section class="card stack">
      <h2>{frame.say("admin.sessions")}</h2>
      {past.length === 0 && <p>{frame.say("admin.sessions_none")}</p>}
      <ul class="list">
        {past.map((session) => (
          <Session
            key={session._id.toHexString()}
            session={session}
            isLive={live.has(session._id.toHexString())}
            mayEnd={frame.admin.may("users:write") && !own}
            view={view}
            frame={frame}
          />
        ))}
      </ul>
      {next && <a href={frame.admin.link(here, { before: next })}>{frame.say("activity.older")}</a>}
    </section>
  );
}

interface SessionProps extends UserProps {
  session: PastSession;
  isLive: boolean;
  mayEnd: boolean;
}

const riskLooks = { unscored: "calm", low: "good", medium: "warn", high: "bad" } as const;

function Session({ session, isLive, mayEnd, view, frame }: SessionProps) {
  const { _id, device, ip, location, risk, createdAt, lastSeenAt, impersonation } = session;
  const label = impersonation ? frame.t("admin.session_impersonation") : device.label;
  const id = _id.toHexString();
  const place = [location?.city, location?.country, ip].filter(Boolean);
  const user = view.detail.user._id.toHexString();
  return (
    <li>
      <div class="what stack-s">
        <p>
          <bdi class="upper">{label || frame.t("security.unknown_device")}</bdi>{" "}
          <span class={`tag ${isLive ? "good" : "calm"}`}>{frame.say(endOf(session, isLive))}</span>{" "}
          {!impersonation && (
            <span class={`tag ${riskLooks[risk.level]}`}>{frame.say(`admin.risk_${risk.level}`)}</span>
          )}
        </p>
        {impersonation && (
          <p>
            <bdi>{impersonation.reason}</bdi>
          </p>
        )}
        <p class="muted small">
          {place.map((part, at) => (
            <>
              {at > 0 && " · "}
              <bdi>{part}</bdi>
            </>
          ))}
          {place.length > 0 && " · "}
          {frame.say("admin.session_times", {
            from: <Moment frame={frame} at={createdAt} />,
            to: <Moment frame={frame} at={lastSeenAt} />,
          })}
        </p>
        {(risk.reasons.length > 0 || risk.score !== undefined) && (
          <p class="small">
            {risk.score !== undefined && frame.say("admin.report_score", { score: Math.round(risk.score) })}{" "}
            <Codes of={risk.reasons} />
          </p>
        )}
      </div>
      {isLive && mayEnd && (
        <RowAct
          frame={frame}
          state={view.state}
          form="end-session"
          field="session"
          id={id}
          action={frame.admin.link(`/users/${user}/end-session`)}
          label="security.session_end"
          what={label}
        />
      )}
    </li>
  );
}

type Ended = Pick<UserSessionDocument, "revocationReason" | "revokedAt">;

/** How a session ended, or that it has not. */
function endOf({ revokedAt, revocationReason }: Ended, isLive: boolean): MessageId {
  if (isLive) return "admin.session_live";
  if (!revokedAt) return "admin.session_expired";
  return messageOr(`admin.ended_${revocationReason ?? ""}`, "admin.session_ended");
}

/** The newest security events of a user. */
export function Events({ view, frame }: UserProps) {
  const { events } = view.detail;
  return (
    <section class="card stack">
      <h2>{frame.say("admin.events")}</h2>
      {events.length === 0 && <p>{frame.say("activity.none")}</p>}
      <ul class="list">
        {events.map((event) => (
          <EventRow key={event._id.toHexString()} event={event} frame={frame} />
        ))}
      </ul>
    </section>
  );
}
