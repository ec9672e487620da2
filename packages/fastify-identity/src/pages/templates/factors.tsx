// Second factors: the authenticator app, and recovery codes.
import { QrCode } from "../components/chart.js";
import { Field, Form, isRefused, Submit } from "../components/form.js";
import { AccountLayout } from "../components/layout.js";
import type { PageFrame } from "../look/frame.js";
import type { PageViews } from "../views.js";
import { AddPasskey } from "./passkeys.js";

interface Props<P extends keyof PageViews> {
  view: PageViews[P];
  frame: PageFrame;
}

const section = "/security";

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
