import { DayChart, EndpointTable } from "../components/chart.js";
import { Check, CurrentPassword, Form, isRefused, Of, Submit } from "../components/form.js";
import { AccountLayout } from "../components/layout.js";
import { Pager } from "../components/pager.js";
import { type PageFrame, untouched } from "../look/frame.js";
import { english, type MessageId } from "../messages/english.js";
import type { ActivityView, PageViews } from "../views.js";
import { Username } from "./profile.js";

interface Props<P extends keyof PageViews> {
  view: PageViews[P];
  frame: PageFrame;
}

export function Activity({ view, frame }: Props<"activity">) {
  const { events, next, isFirst } = view;
  return (
    <AccountLayout frame={frame} section="/activity" title={frame.t("activity.title")}>
      <p class="muted">{frame.say("activity.text")}</p>
      <section class="card stack">
        {events.length === 0 ? (
          <p>{frame.say("activity.none")}</p>
        ) : (
          <ul class="list">
            {events.map((event, at) => (
              <Event key={at} event={event} frame={frame} />
            ))}
          </ul>
        )}
        <Pager frame={frame} next={next} isFirst={isFirst} linkTo={(page) => frame.link("/activity", page)} />
      </section>
    </AccountLayout>
  );
}

const looks = { info: "calm", warning: "warn", critical: "bad" } as const;

function Event({ event, frame }: { event: ActivityView; frame: PageFrame }) {
  const { kind, severity, at, device, country, network, sessionId } = event;
  const known = `activity.${kind}`;
  const id: MessageId = Object.hasOwn(english, known) ? (known as MessageId) : "activity.other";
  const from = [device, country, network].filter(Boolean);
  return (
    <li>
      <div class="what">
        <p>
          <strong>{frame.say(id)}</strong>{" "}
          {severity !== "info" && (
            <span class={`tag ${looks[severity]}`}>{frame.say(`activity.${severity}`)}</span>
          )}
        </p>
        <p class="muted small">
          {from.map((part, index) => (
            <>
              {index > 0 && " · "}
              <bdi class="upper">{part}</bdi>
            </>
          ))}
        </p>
      </div>
      <div class="actions">
        {sessionId && (
          <Form frame={frame} state={untouched} action={frame.link("/security/sessions/not-mine")} class="">
            <input type="hidden" name="id" value={sessionId} />
            <button type="submit" class="plain bad">
              {frame.say("security.session_not_mine")} <Of what={`${frame.t(id)}, ${frame.date(at)}`} />
            </button>
          </Form>
        )}
        <p class="muted small">
          <time dateTime={at.toISOString()}>{frame.date(at)}</time>
        </p>
      </div>
    </li>
  );
}

export function Usage({ view, frame }: Props<"usage">) {
  const { days, requests, failures, signIns, byDay, endpoints, devices } = view;
  const peak = frame.number(Math.max(0, ...byDay.map((day) => day.requests)));
  const label = frame.t("usage.chart", { total: frame.number(requests), days, peak });
  const facts = [
    ["usage.requests", requests],
    ["usage.failures", failures],
    ["usage.sign_ins", signIns],
  ] as const;
  return (
    <AccountLayout frame={frame} section="/usage" title={frame.t("usage.title")}>
      <p class="muted">{frame.say("usage.text", { days })}</p>
      <section class="card stack">
        <dl class="facts">
          {facts.map(([id, value]) => (
            <div key={id}>
              <dt>{frame.say(id)}</dt>
              <dd>{frame.number(value)}</dd>
            </div>
          ))}
        </dl>
        <DayChart frame={frame} label={label} bars={byDay} />
      </section>
      <section class="card stack">
        <h2>{frame.say("usage.endpoints")}</h2>
        {endpoints.length === 0 ? (
          <p>{frame.say("usage.none")}</p>
        ) : (
          <EndpointTable endpoints={endpoints} frame={frame} />
        )}
      </section>
      {devices.length > 0 && (
        <section class="card stack">
          <h2>{frame.say("usage.devices")}</h2>
          <ul class="list">
            {devices.map((device, at) => (
              <li key={at}>
                <bdi class="upper">{device.label || frame.t("security.unknown_device")}</bdi>
                <span class="muted small">
                  {frame.say("usage.device_last", { date: frame.date(device.lastSeenAt) })}
                </span>
              </li>
            ))}
          </ul>
        </section>
      )}
    </AccountLayout>
  );
}

export function Data({ view, frame }: Props<"data">) {
  const { state, email, hasPassword } = view;
  return (
    <AccountLayout frame={frame} section="/data" title={frame.t("data.title")} refused={isRefused(state)}>
      <section class="card">
        <Form frame={frame} name="export" state={state} action={frame.link("/data/export")} download>
          <h2>{frame.say("data.export")}</h2>
          <p>{frame.say("data.export_text")}</p>
          <Submit frame={frame} label="data.export_submit" look="secondary" />
        </Form>
      </section>
      <section class="card">
        <Form frame={frame} name="erase" state={state} action={frame.link("/data/erase")}>
          <h2>{frame.say("data.erase")}</h2>
          <p>{frame.say("data.erase_text")}</p>
          <Username frame={frame} email={email} />
          {hasPassword && <CurrentPassword frame={frame} state={state} form="erase" />}
          <Check
            frame={frame}
            state={state}
            form="erase"
            name="confirmed"
            label="data.erase_confirm"
            checked={false}
          />
          <Submit frame={frame} label="data.erase_submit" look="danger" />
        </Form>
      </section>
    </AccountLayout>
  );
}
