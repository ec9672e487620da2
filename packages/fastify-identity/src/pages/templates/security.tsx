// The page on which an account is kept safe: second factors, passkeys, devices, sessions, alerts, networks.
import { Check, Form, isRefused, Submit } from "../components/form.js";
import { ItemAction } from "../components/item-action.js";
import { AccountLayout } from "../components/layout.js";
import type { FormState, PageFrame } from "../look/frame.js";
import type { PageViews } from "../views.js";
import { Passkeys } from "./passkeys.js";
import { Sessions } from "./sessions.js";
import { Reports } from "./sign-in-reports.js";

interface Props {
  view: PageViews["security"];
  frame: PageFrame;
}

export function Security({ view, frame }: Props) {
  const { state } = view;
  return (
    <AccountLayout
      frame={frame}
      section="/security"
      title={frame.t("security.title")}
      refused={isRefused(state)}
    >
      {view.recoveryAt && <Recovery at={view.recoveryAt} state={state} frame={frame} />}
      <SecondStep view={view} frame={frame} />
      {view.passkeys && <Passkeys passkeys={view.passkeys} state={state} frame={frame} />}
      {view.rememberedDevices.length > 0 && <RememberedDevices view={view} frame={frame} />}
      {view.canLink && (
        <section class="card stack">
          <h2>{frame.say("providers.title")}</h2>
          <p>{frame.say("providers.text")}</p>
          <a class="button secondary" href={frame.link("/security/providers")}>
            {frame.say("providers.change")}
          </a>
        </section>
      )}
      <Sessions view={view} frame={frame} />
      {view.reports.length > 0 && <Reports reports={view.reports} state={state} frame={frame} />}
      <section class="card">
        <Form frame={frame} name="alerts" state={state} action={frame.link("/security/alerts")}>
          <fieldset class="stack-s">
            <legend>
              <h2>{frame.say("security.alerts")}</h2>
            </legend>
            <Check
              frame={frame}
              name="new_device"
              label="security.alert_device"
              checked={view.alerts.newDevice}
            />
            <Check
              frame={frame}
              name="new_location"
              label="security.alert_location"
              checked={view.alerts.newLocation}
            />
          </fieldset>
          <Submit frame={frame} label="security.save" look="secondary" />
        </Form>
      </section>
      <section class="card stack">
        <h2>{frame.say("security.allowlist")}</h2>
        {view.allowlist.length === 0 ? (
          <p class="muted">{frame.say("security.allowlist_none")}</p>
        ) : (
          <ul class="list-plain">
            {view.allowlist.map((range) => (
              <li key={range}>
                <code>{range}</code>
              </li>
            ))}
          </ul>
        )}
        <a class="button secondary" href={frame.link("/security/networks")}>
          {frame.say("security.allowlist_change")}
        </a>
      </section>
    </AccountLayout>
  );
}

/** Somebody with the password wants the second factors removed: in a session of the owner's that can be stopped. */
function Recovery({ at, state, frame }: { at: Date; state: FormState; frame: PageFrame }) {
  return (
    <section class="card stack">
      <h2>{frame.say("recover.finish_title")}</h2>
      <p class="error">{frame.say("security.recovery", { date: frame.date(at) })}</p>
      <Form frame={frame} name="recovery" state={state} action={frame.link("/security/recovery/cancel")}>
        <Submit frame={frame} label="security.recovery_stop" look="danger" />
      </Form>
    </section>
  );
}

function SecondStep({ view, frame }: Props) {
  const { totpSince, recoveryCodes, apps } = view.factors;
  const add = totpSince ? "security.factor_replace" : "security.factor_add";
  const hasFactor = totpSince !== undefined || (view.passkeys ?? []).length > 0;
  const link = (path: string, look: string, label: Parameters<PageFrame["say"]>[0]) => (
    <a class={`button ${look}`} href={frame.link(path)}>
      {frame.say(label)}
    </a>
  );
  return (
    <section class="card stack">
      <h2>{frame.say("security.factor")}</h2>
      <div class="stack-s">
        {(apps || totpSince) && <p>{frame.say(totpSince ? "security.factor_on" : "security.factor_off")}</p>}
        {totpSince && (
          <p class="muted small">{frame.say("security.factor_on_since", { date: frame.date(totpSince) })}</p>
        )}
        {hasFactor && (
          <p class={recoveryCodes < 4 ? "error" : undefined}>
            {frame.say("security.codes_left", { count: recoveryCodes })}
          </p>
        )}
      </div>
      <div class="actions">
        {hasFactor && link("/security/recovery-codes", "secondary", "security.codes_make")}
        {apps && link("/security/authenticator", totpSince ? "secondary" : "primary", add)}
        {totpSince && link("/security/authenticator/remove", "danger", "security.factor_remove")}
      </div>
    </section>
  );
}

function RememberedDevices({ view: { state, rememberedDevices }, frame }: Props) {
  return (
    <section class="card stack">
      <h2>{frame.say("devices.title")}</h2>
      <p>{frame.say("devices.text")}</p>
      <ul class="list">
        {rememberedDevices.map(({ id, label, lastUsedAt, expiresAt }) => (
          <li key={id}>
            <div class="what">
              <p>
                <strong>
                  <bdi>{label}</bdi>
                </strong>
              </p>
              <p class="muted small">
                {frame.say("devices.last_used", { date: frame.date(lastUsedAt) })}
                {" · "}
                {frame.say("devices.until", { date: frame.date(expiresAt) })}
              </p>
            </div>
            <ItemAction
              frame={frame}
              state={state}
              name="forget-device"
              action={frame.link("/security/devices/forget")}
              id={id}
              label="devices.forget"
              what={label}
              look="plain bad"
            />
          </li>
        ))}
      </ul>
    </section>
  );
}
