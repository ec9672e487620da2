import { securityEventKinds, severities } from "@org/db-models/schemas";
import type { ComponentChildren } from "preact";
import { Pager } from "../../pages/components/pager.js";
import type { KnownEvent } from "../acts/security-events.js";
import type { AdminFrame } from "./parts/frame.js";
import { AdminLayout, ListFilter, Moment } from "./parts/layout.js";
import { messageOr } from "./user-view.js";

const path = "/events";

export interface EventsView {
  readonly events: readonly KnownEvent[];
  readonly next: string | undefined;
  /** The severity or kind that is listed; empty for all. */
  readonly only: string;
  /** Address of the stream of the newest ones; undefined on a page of older ones. */
  readonly live: string | undefined;
}

/** Security events of everybody; with the script, new ones appear by themselves. */
export function Events({ view, frame }: { view: EventsView; frame: AdminFrame }) {
  const { events, next, only, live } = view;
  return (
    <AdminLayout frame={frame} section={path} title={frame.t("admin.events")}>
      <p class="muted">{frame.say("admin.events_text")}</p>
      <section class="card stack">
        <Filter frame={frame} only={only} />
        {live && (
          <div role="status" class="small">
            {(["open", "waiting", "closed"] as const).map((state) => (
              <p key={state} hidden data-live-state={state}>
                {frame.say(`admin.live_${state}`)}
              </p>
            ))}
          </div>
        )}
        {events.length === 0 && <p data-live-none={live && ""}>{frame.say("admin.events_none")}</p>}
        <ul class="list" data-live={live} hidden={events.length === 0}>
          {events.map((event) => (
            <EventRow key={event._id.toHexString()} event={event} frame={frame} />
          ))}
        </ul>
        <Pager
          frame={frame}
          next={next}
          isFirst={live !== undefined}
          linkTo={(page) => frame.admin.link(path, { only: only || undefined, ...page })}
        />
      </section>
    </AdminLayout>
  );
}

function Filter({ frame, only }: { frame: AdminFrame; only: string }) {
  const options = [
    { value: "", label: frame.t("admin.events_all") },
    ...severities.map((value) => ({
      value,
      label: frame.t("admin.events_severity", { severity: frame.t(`activity.${value}`) }),
    })),
    ...securityEventKinds.map((value) => ({ value, label: frame.t(nameOf(value)) })),
  ];
  return (
    <ListFilter
      frame={frame}
      path={path}
      name="only"
      label="admin.events_shown"
      options={options}
      value={only}
    />
  );
}

const nameOf = (kind: string) =>
  kind === "database_exposed" ? "admin.database_exposed" : messageOr(`activity.${kind}`, "activity.other");

const looks = { info: "calm", warning: "warn", critical: "bad" } as const;

/** A security event, with its account where `event` is not listed under it. */
export function EventRow({ event, frame }: { event: KnownEvent | OwnEvent; frame: AdminFrame }) {
  const { _id, kind, severity, at, device, country, network, reasons, userId } = event;
  const details: ComponentChildren[] = [device, country, network, ...reasons].filter(Boolean);
  return (
    <li id={`event-${_id.toHexString()}`} data-at={at.getTime()}>
      <div class="what">
        <p>
          {frame.say(nameOf(kind))}{" "}
          {severity !== "info" && (
            <span class={`tag ${looks[severity]}`}>{frame.say(`activity.${severity}`)}</span>
          )}
        </p>
        {"email" in event && userId && (
          <p>
            <a href={frame.admin.link(`/users/${userId.toHexString()}`)}>
              <bdi>{event.email ?? userId.toHexString()}</bdi>
            </a>
          </p>
        )}
        <p class="muted small">
          {details.map((part, index) => (
            <>
              {index > 0 && " · "}
              <bdi>{part}</bdi>
            </>
          ))}
        </p>
      </div>
      <p class="muted small">
        <Moment frame={frame} at={at} />
      </p>
    </li>
  );
}

/** An event on the page of its account. */
type OwnEvent = Omit<KnownEvent, "email">;
