import { QrCode } from "../components/chart.js";
import { Check, Field, Form, isRefused, Of, PasskeyForm, Submit, TextArea } from "../components/form.js";
import { AccountLayout } from "../components/layout.js";
import type { PageFrame } from "../look/frame.js";
import type { PageViews, PasskeyView, SessionView } from "../views.js";
import { Reports } from "./sign-in-reports.js";

interface Props<P extends keyof PageViews> {
  view: PageViews[P];
  frame: PageFrame;
}

const section = "/security";

export function Security({ view, frame }: Props<"security">) {
  const { state } = view;
  return (
    <AccountLayout
      frame={frame}
      section={section}
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
function Recovery({ at, state, frame }: { at: Date; state: State; frame: PageFrame }) {
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

function SecondStep({ view, frame }: Props<"security">) {
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

interface PasskeysProps {
  passkeys: readonly PasskeyView[];
  state: PageViews["security"]["state"];
  frame: PageFrame;
}

function Passkeys({ passkeys, state, frame }: PasskeysProps) {
  return (
    <section class="card stack">
      <h2>{frame.say("passkey.title")}</h2>
      <p>{frame.say("passkey.text")}</p>
      {passkeys.length > 0 && (
        <ul class="list">
          {passkeys.map((passkey) => (
            <Passkey key={passkey.id} passkey={passkey} state={state} frame={frame} />
          ))}
        </ul>
      )}
      <AddPasskey frame={frame} state={state} action={frame.link("/security/passkeys")} look="secondary" />
    </section>
  );
}

function AddPasskey({ look, ...shared }: { frame: PageFrame; state: State; action: string; look: string }) {
  const { frame, state } = shared;
  return (
    <PasskeyForm
      {...shared}
      name="passkey"
      ceremony="create"
      options={frame.link("/security/passkeys/options")}
      label="passkey.add"
      look={look}
    >
      <Field
        frame={frame}
        state={state}
        form="passkey"
        name="name"
        label="passkey.name"
        type="text"
        autocomplete="off"
        value="Passkey"
        required
      />
    </PasskeyForm>
  );
}

function Passkey({ passkey, state, frame }: Omit<PasskeysProps, "passkeys"> & { passkey: PasskeyView }) {
  const { id, name, createdAt, lastUsedAt } = passkey;
  // Each has a form of its own: a field's id stands on a page once.
  const renaming = `rename-${id}`;
  const sent = stateOf(state, "rename-passkey", id);
  const renamed = sent.form === undefined ? sent : { ...sent, form: renaming };
  return (
    <li>
      <div class="what">
        <p>
          <strong>
            <bdi>{name}</bdi>
          </strong>
        </p>
        <p class="muted small">
          {frame.say("passkey.created", { date: frame.date(createdAt) })}
          {lastUsedAt && " · "}
          {lastUsedAt && frame.say("passkey.last_used", { date: frame.date(lastUsedAt) })}
        </p>
      </div>
      <details open={renamed.form !== undefined}>
        <summary>
          {frame.say("passkey.rename")} <Of what={name} />
        </summary>
        <Form frame={frame} name={renaming} state={renamed} action={frame.link("/security/passkeys/rename")}>
          <input type="hidden" name="id" value={id} />
          <Field
            frame={frame}
            state={renamed}
            form={renaming}
            name="name"
            label="passkey.name"
            type="text"
            autocomplete="off"
            value={name}
            required
          />
          <Submit frame={frame} label="passkey.rename" look="secondary" />
        </Form>
      </details>
      <Form
        frame={frame}
        name="remove-passkey"
        state={stateOf(state, "remove-passkey", id)}
        action={frame.link("/security/passkeys/remove")}
        class=""
      >
        <input type="hidden" name="id" value={id} />
        <button type="submit" class="plain bad">
          {frame.say("passkey.remove")} <Of what={name} />
        </button>
      </Form>
    </li>
  );
}

function RememberedDevices({ view: { state, rememberedDevices }, frame }: Props<"security">) {
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
            <Form
              frame={frame}
              name="forget-device"
              state={stateOf(state, "forget-device", id)}
              action={frame.link("/security/devices/forget")}
              class=""
            >
              <input type="hidden" name="id" value={id} />
              <button type="submit" class="plain bad">
                {frame.say("devices.forget")} <Of what={label} />
              </button>
            </Form>
          </li>
        ))}
      </ul>
    </section>
  );
}

type State = PageViews["security"]["state"];

/** The state of a form that stands on the page several times: only one of them was sent. */
const stateOf = (state: State, form: string, id: string): State =>
  state.form === form && state.values.id === id ? state : { values: {}, errors: {} };

function Sessions({ view, frame }: Props<"security">) {
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

function Session({ session, view, frame }: Props<"security"> & { session: SessionView }) {
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
            <SessionAction key={what} what={what} id={id} device={device} state={view.state} frame={frame} />
          ))}
        </div>
      )}
    </li>
  );
}

interface SessionActionProps {
  what: "end" | "not-mine";
  id: string;
  device: string;
  state: PageViews["security"]["state"];
  frame: PageFrame;
}

function SessionAction({ what, id, device, state, frame }: SessionActionProps) {
  const label = what === "end" ? "security.session_end" : "security.session_not_mine";
  // The refusal stands at the one that was refused.
  const own = state.form === what && state.values.id === id ? state : { values: {}, errors: {} };
  return (
    <Form frame={frame} name={what} state={own} action={frame.link(`/security/sessions/${what}`)} class="">
      <input type="hidden" name="id" value={id} />
      <button type="submit" class={what === "end" ? "secondary" : "plain bad"}>
        {frame.say(label)} <Of what={device} />
      </button>
    </Form>
  );
}

export function Allowlist({ view, frame }: Props<"allowlist">) {
  const { state, allowlist, address } = view;
  return (
    <AccountLayout
      frame={frame}
      section={section}
      title={frame.t("allowlist.title")}
      refused={isRefused(state)}
    >
      <section class="card">
        <Form frame={frame} state={state} action={frame.link("/security/networks")}>
          <p>{frame.say("security.allowlist_text")}</p>
          <TextArea
            frame={frame}
            state={state}
            name="allowlist"
            label="allowlist.label"
            hint={frame.say("allowlist.hint", { address: address ?? "?" })}
            value={allowlist.join("\n")}
          />
          <Check frame={frame} name="confirmed" label="allowlist.confirm" checked={false} />
          <Submit frame={frame} label="allowlist.submit" look="primary" />
        </Form>
      </section>
    </AccountLayout>
  );
}

export function Authenticator({ view, frame }: Props<"authenticator">) {
  const { state, setup, returnTo, apps, passkeys } = view;
  const to = (path = "") => frame.link(`/security/authenticator${path}`, { return_to: returnTo });
  const title = frame.t(passkeys ? "authenticator.first_title" : "authenticator.title");
  return (
    <AccountLayout frame={frame} section={section} title={title} refused={isRefused(state)}>
      {passkeys && !setup && (
        <section class="card stack">
          <h2>{frame.say("passkey.title")}</h2>
          <p>{frame.say("passkey.text")}</p>
          <AddPasskey frame={frame} state={state} action={to("/passkey")} look="primary" />
        </section>
      )}
      {apps && (
        <section class="card stack">
          {passkeys && <h2>{frame.say("authenticator.title")}</h2>}
          {setup ? (
            <>
              <ConfirmAuthenticator setup={setup} action={to("/confirm")} state={state} frame={frame} />
              <Form frame={frame} name="begin" state={state} action={to()} class="">
                <Submit frame={frame} label="authenticator.again" look="plain" />
              </Form>
            </>
          ) : (
            <Form frame={frame} name="begin" state={state} action={to()}>
              <p>{frame.say("authenticator.start")}</p>
              <Submit frame={frame} label="authenticator.begin" look={passkeys ? "secondary" : "primary"} />
            </Form>
          )}
        </section>
      )}
    </AccountLayout>
  );
}

interface ConfirmProps {
  setup: NonNullable<PageViews["authenticator"]["setup"]>;
  action: string;
  state: PageViews["authenticator"]["state"];
  frame: PageFrame;
}

function ConfirmAuthenticator({ setup, action, state, frame }: ConfirmProps) {
  const { secret, qrCode } = setup;
  return (
    <Form frame={frame} name="confirm" state={state} action={action}>
      <p>{frame.say("authenticator.scan")}</p>
      <QrCode rows={qrCode} label={frame.t("authenticator.qr")} />
      <div>
        <p class="label">{frame.say("authenticator.key")}</p>
        <code class="secret">{secret.replace(/(.{4})(?=.)/g, "$1 ")}</code>
      </div>
      <Field
        frame={frame}
        state={state}
        form="confirm"
        name="code"
        label="authenticator.code"
        type="text"
        class="code"
        inputMode="numeric"
        autocomplete="one-time-code"
        spellcheck={false}
        required
      />
      <Submit frame={frame} label="authenticator.confirm" look="primary" />
    </Form>
  );
}

export function RemoveAuthenticator({ view, frame }: Props<"removeAuthenticator">) {
  const title = frame.t("authenticator.remove_title");
  return (
    <AccountLayout frame={frame} section={section} title={title}>
      <section class="card">
        <Form frame={frame} state={view.state} action={frame.link("/security/authenticator/remove")}>
          <p>{frame.say("authenticator.remove_text")}</p>
          <Submit frame={frame} label="authenticator.remove_submit" look="danger" />
        </Form>
      </section>
    </AccountLayout>
  );
}

export function RecoveryCodes({ view, frame }: Props<"recoveryCodes">) {
  const { state, left, codes, returnTo, next } = view;
  return (
    <AccountLayout frame={frame} section={section} title={frame.t("codes.title")} refused={isRefused(state)}>
      <section class="card stack">
        {codes ? (
          <>
            <p class="notice">{frame.say("codes.once")}</p>
            <ol class="codes">
              {codes.map((code) => (
                <li key={code}>
                  <code>{code}</code>
                </li>
              ))}
            </ol>
            <a class="button primary" href={next}>
              {frame.say("codes.done")}
            </a>
          </>
        ) : (
          <Form
            frame={frame}
            state={state}
            action={frame.link("/security/recovery-codes", { return_to: returnTo })}
          >
            <p>{frame.say("codes.text")}</p>
            {left > 0 && <p>{frame.say("codes.replace")}</p>}
            <Submit frame={frame} label="codes.make" look="primary" />
          </Form>
        )}
      </section>
    </AccountLayout>
  );
}
