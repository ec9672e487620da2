import {
  Check,
  CurrentPassword,
  Field,
  Form,
  isRefused,
  NewPassword,
  PasskeyForm,
  Submit,
} from "../components/form.js";
import { CardLayout } from "../components/layout.js";
import type { PageFrame } from "../look/frame.js";
import type { MessageId } from "../messages/english.js";
import type { PageViews } from "../views.js";
import { ProviderButtons } from "./providers.js";

interface Props<P extends keyof PageViews> {
  view: PageViews[P];
  frame: PageFrame;
}

export function SignIn({ view, frame }: Props<"signIn">) {
  const { state, returnTo, canSignUp, passkeys, providers } = view;
  const below = canSignUp && (
    <p>
      {frame.say("sign_in.no_account")}{" "}
      <a href={frame.link("/sign-up", { return_to: returnTo })}>{frame.say("sign_in.sign_up")}</a>
    </p>
  );
  return (
    <CardLayout frame={frame} title={frame.t("sign_in.title")} refused={isRefused(state)} below={below}>
      <Form frame={frame} state={state} action={frame.link("/sign-in", { return_to: returnTo })}>
        <IdentifierField frame={frame} state={state} passkeys={passkeys} />
        <CurrentPassword frame={frame} state={state} label="field.password" />
        <Submit frame={frame} label="sign_in.submit" />
        <p class="small">
          <a href={frame.link("/forgotten-password", { return_to: returnTo })}>
            {frame.say("sign_in.forgotten")}
          </a>
        </p>
      </Form>
      {passkeys && (
        <PasskeyForm
          frame={frame}
          name="passkey"
          state={state}
          action={frame.link("/sign-in/passkey", { return_to: returnTo })}
          ceremony="get"
          options={frame.link("/sign-in/passkey/options")}
          label="passkey.sign_in"
          autofill
        />
      )}
      <ProviderButtons frame={frame} providers={providers} returnTo={returnTo} />
    </CardLayout>
  );
}

export function SignUp({ view, frame }: Props<"signUp">) {
  const { state, passwordMin, providers, returnTo } = view;
  const below = (
    <p>
      {frame.say("sign_up.have_account")}{" "}
      <a href={frame.link("/sign-in", { return_to: returnTo })}>{frame.say("sign_up.sign_in")}</a>
    </p>
  );
  return (
    <CardLayout frame={frame} title={frame.t("sign_up.title")} refused={isRefused(state)} below={below}>
      <Form frame={frame} state={state} action={frame.link("/sign-up", { return_to: returnTo })}>
        <Field
          frame={frame}
          state={state}
          name="display_name"
          label="field.display_name"
          type="text"
          autocomplete="name"
          optional
        />
        <EmailField frame={frame} state={state} autocomplete="username" />
        <NewPassword frame={frame} state={state} label="field.password" min={passwordMin} />
        <Submit frame={frame} label="sign_up.submit" />
      </Form>
      <ProviderButtons frame={frame} providers={providers} returnTo={returnTo} />
    </CardLayout>
  );
}

export function CheckMail({ view, frame }: Props<"checkMail">) {
  const { purpose, email, returnTo } = view;
  const below = <a href={frame.link("/sign-in", { return_to: returnTo })}>{frame.say("check_mail.back")}</a>;
  return (
    <CardLayout frame={frame} title={frame.t("check_mail.title")} below={below}>
      <p>
        {purpose && email ? frame.say(`check_mail.${purpose}`, { email }) : frame.say("check_mail.anonymous")}
      </p>
      <p class="muted small">{frame.say("check_mail.help")}</p>
    </CardLayout>
  );
}

export function Challenge({ view, frame }: Props<"challenge">) {
  const { state, method, others, returnTo, canRemember } = view;
  const action = frame.link("/challenge", { return_to: returnTo });
  const remember = canRemember && method !== "password" && (
    <Check
      frame={frame}
      name="remember"
      label="challenge.remember"
      checked={state.values.remember === "yes"}
    />
  );
  const isFactor = [method, ...others].some((one) => one === "totp" || one === "passkey");
  const below = (
    <div class="stack-s">
      {others.map((other) => (
        <p key={other}>
          <a href={frame.link("/challenge", { method: other, return_to: returnTo })}>
            {frame.say(`challenge.use_${other}`)}
          </a>
        </p>
      ))}
      {isFactor && (
        <p>
          <a href={frame.link("/recover")}>{frame.say("challenge.lost")}</a>
        </p>
      )}
      <p>
        <a href={frame.link("/sign-in", { return_to: returnTo })}>{frame.say("challenge.restart")}</a>
      </p>
    </div>
  );
  return (
    <CardLayout frame={frame} title={frame.t("challenge.title")} refused={isRefused(state)} below={below}>
      <p>{frame.say(`challenge.${method}`)}</p>
      {method === "passkey" ? (
        <PasskeyForm
          frame={frame}
          name="passkey"
          state={state}
          action={action}
          ceremony="get"
          options={frame.link("/challenge/passkey/options")}
          label="passkey.use"
          look="primary wide"
        >
          <input type="hidden" name="method" value={method} />
          {remember}
        </PasskeyForm>
      ) : (
        <Form frame={frame} state={state} action={action}>
          <input type="hidden" name="method" value={method} />
          {method === "password" ? (
            <CurrentPassword frame={frame} state={state} label="field.password" />
          ) : (
            <CodeField frame={frame} state={state} recovery={method === "recovery_code"} />
          )}
          {remember}
          <Submit frame={frame} label="challenge.submit" />
        </Form>
      )}
    </CardLayout>
  );
}

export function ForgottenPassword({ view, frame }: Props<"forgottenPassword">) {
  const { state, returnTo } = view;
  const below = <a href={frame.link("/sign-in", { return_to: returnTo })}>{frame.say("check_mail.back")}</a>;
  return (
    <CardLayout frame={frame} title={frame.t("forgotten.title")} refused={isRefused(state)} below={below}>
      <p>{frame.say("forgotten.text")}</p>
      <Form frame={frame} state={state} action={frame.link("/forgotten-password", { return_to: returnTo })}>
        <EmailField frame={frame} state={state} autocomplete="username" />
        <Submit frame={frame} label="forgotten.submit" />
      </Form>
    </CardLayout>
  );
}

export function ResetPassword({ view, frame }: Props<"resetPassword">) {
  const { state, token, passwordMin } = view;
  return (
    <CardLayout frame={frame} title={frame.t("reset.title")} refused={isRefused(state)}>
      <p>{frame.say("reset.text")}</p>
      <Form frame={frame} state={state} action={frame.link("/reset-password")}>
        <input type="hidden" name="token" value={token} />
        <NewPassword frame={frame} state={state} label="field.new_password" min={passwordMin} />
        <Submit frame={frame} label="reset.submit" />
      </Form>
      <p class="small">
        <a href={frame.link("/forgotten-password")}>{frame.say("reset.again")}</a>
      </p>
    </CardLayout>
  );
}

export function VerifyEmail({ view, frame }: Props<"verifyEmail">) {
  const { state, token } = view;
  return (
    <CardLayout frame={frame} title={frame.t("verify.title")} refused={isRefused(state)}>
      <Form frame={frame} state={state} action={frame.link("/verify-email")}>
        <p>{frame.say("verify.text")}</p>
        <input type="hidden" name="token" value={token} />
        <Submit frame={frame} label="verify.submit" />
      </Form>
    </CardLayout>
  );
}

export function SignedIn({ view, frame }: Props<"signedIn">) {
  const { to } = view;
  return (
    <CardLayout frame={frame} title={frame.t("signed_in.title")} refresh={to}>
      <p>{frame.say("signed_in.text")}</p>
      <a class="button primary wide" href={to}>
        {frame.say("signed_in.continue")}
      </a>
    </CardLayout>
  );
}

export function SignOut({ view, frame }: Props<"signOut">) {
  const { state, returnTo } = view;
  const below = <a href={returnTo ?? frame.link("")}>{frame.say("sign_out.stay")}</a>;
  return (
    <CardLayout frame={frame} title={frame.t("sign_out.title")} below={below}>
      <p>{frame.say("sign_out.text")}</p>
      <Form frame={frame} state={state} action={frame.link("/sign-out", { return_to: returnTo })}>
        <Submit frame={frame} label="sign_out.submit" />
      </Form>
    </CardLayout>
  );
}

export function ErrorPage({ view, frame }: Props<"error">) {
  const { title, text, reference } = view;
  const below = frame.impersonation ? (
    <a href={frame.link("/impersonation")}>{frame.say("impersonation.back")}</a>
  ) : (
    <a href={frame.link("")}>{frame.say("error.home")}</a>
  );
  return (
    <CardLayout frame={frame} title={frame.t(title.id, title.values)} below={below}>
      <p>{frame.say(text.id, text.values)}</p>
      {reference && <p class="muted small">{frame.say("error.reference", { id: reference })}</p>}
    </CardLayout>
  );
}

type Shared = Pick<Parameters<typeof Field>[0], "frame" | "state" | "form">;

/** A code, of six digits or for recovery. */
function CodeField({ recovery, ...shared }: Shared & { recovery: boolean }) {
  return (
    <Field
      {...shared}
      name="code"
      label={recovery ? "field.recovery_code" : "field.code"}
      type="text"
      class="code"
      {...(recovery ? {} : { inputMode: "numeric" })}
      autocomplete={recovery ? "off" : "one-time-code"}
      autocapitalize="none"
      spellcheck={false}
      required
    />
  );
}

/** Who signs in. With `passkeys` the browser offers them where it fills the field in (HTML, the token `webauthn`). */
export function IdentifierField({ passkeys = false, ...shared }: Shared & { passkeys?: boolean }) {
  return (
    <Field
      {...shared}
      name="identifier"
      label="field.identifier"
      type="text"
      autocomplete={passkeys ? "username webauthn" : "username"}
      inputMode="email"
      autocapitalize="none"
      spellcheck={false}
      required
    />
  );
}

export function EmailField({
  label = "field.email",
  ...props
}: Shared & { autocomplete: "username" | "email"; label?: MessageId }) {
  return (
    <Field
      {...props}
      name="email"
      label={label}
      type="email"
      autocapitalize="none"
      spellcheck={false}
      required
    />
  );
}
