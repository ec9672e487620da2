import {
  CurrentPassword,
  Field,
  Form,
  isRefused,
  NewPassword,
  PasskeyForm,
  Select,
  Submit,
} from "../components/form.js";
import { AccountLayout, CardLayout } from "../components/layout.js";
import { shownAddress } from "../look/address.js";
import type { PageFrame } from "../look/frame.js";
import type { PageViews } from "../views.js";
import { ProviderButtons } from "./providers.js";

interface Props<P extends keyof PageViews> {
  view: PageViews[P];
  frame: PageFrame;
}

export function Profile({ view, frame }: Props<"profile">) {
  const { state, email, emailVerified, hasPassword } = view;
  return (
    <AccountLayout frame={frame} section="" title={frame.t("profile.title")} refused={isRefused(state)}>
      <section class="card stack">
        <h2>{frame.say("field.email")}</h2>
        <p>
          <bdi>{shownAddress(email)}</bdi>{" "}
          <span class={`tag ${emailVerified ? "good" : "warn"}`}>
            {frame.say(emailVerified ? "profile.email_verified" : "profile.email_unverified")}
          </span>
        </p>
        {!emailVerified && (
          <Form frame={frame} name="verification" state={state} action={frame.link("/verification")}>
            <Submit frame={frame} label="profile.send_verification" look="secondary" />
          </Form>
        )}
        <a class="button secondary" href={frame.link("/email")}>
          {frame.say("profile.change_email")}
        </a>
      </section>
      <section class="card">
        <About view={view} frame={frame} />
      </section>
      <section class="card stack">
        <h2>{frame.say("profile.password")}</h2>
        <p class="muted">{frame.say(hasPassword ? "profile.password_text" : "profile.no_password")}</p>
        <a class="button secondary" href={frame.link("/password")}>
          {frame.say(hasPassword ? "profile.change_password" : "profile.add_password")}
        </a>
      </section>
    </AccountLayout>
  );
}

function About({ view, frame }: Props<"profile">) {
  const { state, timezone, language, languages } = view;
  const shared = { frame, state, form: "profile" } as const;
  const zones = [...new Set([timezone, "UTC", ...Intl.supportedValuesOf("timeZone")])].sort();
  const names = new Intl.DisplayNames(frame.lang, { type: "language" });
  const tags = [...new Set([language, ...languages])];
  return (
    <Form frame={frame} name="profile" state={state} action={frame.link("")}>
      <h2>{frame.say("profile.about")}</h2>
      <Field
        {...shared}
        name="display_name"
        label="field.display_name"
        type="text"
        autocomplete="name"
        value={frame.account?.displayName ?? ""}
        optional
      />
      <Select
        {...shared}
        name="language"
        label="profile.language"
        options={tags.map((tag) => ({ value: tag, label: names.of(tag) ?? tag }))}
        value={language}
      />
      <Select
        {...shared}
        name="timezone"
        label="profile.timezone"
        options={zones.map((zone) => ({ value: zone, label: zone.replaceAll("_", " ") }))}
        value={timezone}
      />
      <Submit frame={frame} label="profile.save" look="primary" />
    </Form>
  );
}

export function Password({ view, frame }: Props<"password">) {
  const { state, email, passwordMin, hasPassword } = view;
  const title = frame.t(hasPassword ? "password.title" : "password.first_title");
  return (
    <AccountLayout frame={frame} section="" title={title} refused={isRefused(state)}>
      <section class="card">
        <Form frame={frame} state={state} action={frame.link("/password")}>
          <p>{frame.say(hasPassword ? "password.text" : "password.first_text")}</p>
          <Username frame={frame} email={email} />
          {hasPassword && <CurrentPassword frame={frame} state={state} />}
          <NewPassword frame={frame} state={state} label="field.new_password" min={passwordMin} />
          <Submit
            frame={frame}
            label={hasPassword ? "password.submit" : "password.first_submit"}
            look="primary"
          />
        </Form>
      </section>
    </AccountLayout>
  );
}

export function Confirm({ view, frame }: Props<"confirm">) {
  const { state, email, returnTo, needsCode, reported, passkeys, hasPassword, providers } = view;
  return (
    <CardLayout frame={frame} title={frame.t("confirm.title")} refused={isRefused(state)}>
      <p>{frame.say("confirm.text")}</p>
      {hasPassword ? (
        <Form frame={frame} state={state} action={frame.link("/confirm", { return_to: returnTo, reported })}>
          <Username frame={frame} email={email} />
          <CurrentPassword frame={frame} state={state} />
          {needsCode && (
            <Field
              frame={frame}
              state={state}
              name="code"
              label="confirm.code"
              type="text"
              class="code"
              autocomplete="one-time-code"
              autocapitalize="none"
              spellcheck={false}
              required
            />
          )}
          <Submit frame={frame} label="confirm.submit" />
        </Form>
      ) : (
        // Without a password the proof is a sign-in there; it brings people back to what they wanted to do.
        <ProviderButtons frame={frame} providers={providers} returnTo={returnTo} />
      )}
      {passkeys && (
        <PasskeyForm
          frame={frame}
          name="passkey"
          state={state}
          action={frame.link("/confirm/passkey", { return_to: returnTo })}
          ceremony="get"
          options={frame.link("/confirm/passkey/options")}
          label="passkey.use"
        />
      )}
    </CardLayout>
  );
}

/** Whose password it is, for password managers: without it they save a new one for nobody. */
export function Username({ frame, email }: { frame: PageFrame; email: string }) {
  return (
    <input
      type="text"
      name="username"
      value={email}
      autocomplete="username"
      aria-label={frame.t("field.email")}
      hidden
      readOnly
    />
  );
}
