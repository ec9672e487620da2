import { Field, Form, isRefused, Submit } from "../components/form.js";
import { CardLayout } from "../components/layout.js";
import { shownAddress } from "../look/address.js";
import type { PageFrame } from "../look/frame.js";
import type { PageViews } from "../views.js";

interface Props<P extends keyof PageViews> {
  view: PageViews[P];
  frame: PageFrame;
}

export function Authorize({ view, frame }: Props<"authorize">) {
  const { state, request, app, email, scopes, days } = view;
  return (
    <CardLayout frame={frame} title={frame.t("oauth.title", { app: app.name })} refused={isRefused(state)}>
      {app.description && (
        <p>
          <bdi>{app.description}</bdi>
        </p>
      )}
      {app.owner && <p class="muted small">{frame.say("oauth.owner", { owner: <bdi>{app.owner}</bdi> })}</p>}
      <p class="muted small">
        {frame.say("oauth.signed_in_as", { email: shownAddress(email) })}{" "}
        <a href={frame.link("/sign-out", { return_to: frame.link("/authorize", { request }) })}>
          {frame.say("oauth.other_account")}
        </a>
      </p>
      <p>{frame.say("oauth.wants")}</p>
      <ul class="points">
        {inReadingOrder(scopes).map(({ scope, isNew }) => (
          <li key={scope}>
            {sayScope(frame, scope, days)} {isNew && <span class="tag calm">{frame.say("oauth.new")}</span>}
          </li>
        ))}
      </ul>
      <p class="muted small">{frame.say("oauth.place", { place: app.place })}</p>
      <Form frame={frame} state={state} action={frame.link("/authorize", { request })}>
        <Choice frame={frame} />
      </Form>
    </CardLayout>
  );
}

const known = ["openid", "profile", "email", "offline_access"] as const;

/** First who somebody is, then what an app may use, last for how long. */
export function inReadingOrder<T extends { scope: string }>(scopes: readonly T[]): T[] {
  const others = scopes.filter(({ scope }) => !known.some((one) => one === scope));
  const [openid, profile, email, offline] = known.map((one) => scopes.filter(({ scope }) => scope === one));
  return [openid, profile, email, others, offline].flatMap((part) => part ?? []);
}

/** What a scope lets an app do. */
export function sayScope(frame: PageFrame, scope: string, days: number) {
  const name = known.find((one) => one === scope);
  return name
    ? frame.say(`oauth.scope_${name}`, { days: frame.number(days) })
    : frame.say("oauth.scope_other", { scope: <code dir="ltr">{scope}</code> });
}

/** Both answers look the same: neither is made hard to give. */
function Choice({ frame }: { frame: PageFrame }) {
  return (
    <div class="actions">
      <button type="submit" class="secondary" name="decision" value="deny">
        {frame.say("oauth.deny")}
      </button>
      <button type="submit" class="secondary" name="decision" value="allow">
        {frame.say("oauth.allow")}
      </button>
    </div>
  );
}

export function GoOn({ view, frame }: Props<"goOn">) {
  const isApp = view.from === "app";
  const title = frame.t(isApp ? "oauth.go_on_title" : "provider.back_title");
  return (
    <CardLayout frame={frame} title={title} refresh={view.to}>
      <p>{frame.say(isApp ? "oauth.go_on" : "provider.back")}</p>
      <a class="button primary wide" href={view.to}>
        {frame.say("oauth.go_on_link")}
      </a>
    </CardLayout>
  );
}

export function FormPost({ view, frame }: Props<"formPost">) {
  const { action, fields } = view;
  return (
    <CardLayout frame={frame} title={frame.t("oauth.go_on_title")}>
      <p>{frame.say("oauth.go_on")}</p>
      <form method="post" action={action} data-auto="">
        {Object.entries(fields).map(([name, value]) => (
          <input key={name} type="hidden" name={name} value={value} />
        ))}
        <Submit frame={frame} label="oauth.go_on_link" />
      </form>
    </CardLayout>
  );
}

export function Device({ view, frame }: Props<"device">) {
  const { state, userCode, asking, done } = view;
  const title = frame.t("device.title");
  if (done) {
    return (
      <CardLayout frame={frame} title={title}>
        <p role="status">{frame.say(`device.${done}`)}</p>
      </CardLayout>
    );
  }
  if (!asking) {
    return (
      <CardLayout frame={frame} title={title} refused={isRefused(state)}>
        <p>{frame.say("device.text")}</p>
        <Form frame={frame} state={state} action={frame.link("/device")}>
          <Field
            frame={frame}
            state={state}
            name="user_code"
            label="device.code"
            type="text"
            value={userCode}
            autocomplete="off"
            spellcheck={false}
            required
          />
          <Submit frame={frame} label="device.continue" />
        </Form>
      </CardLayout>
    );
  }
  return (
    <CardLayout frame={frame} title={frame.t("oauth.title", { app: asking.app })} refused={isRefused(state)}>
      <p class="muted small">{frame.say("oauth.signed_in_as", { email: shownAddress(asking.email) })}</p>
      <p>{frame.say("oauth.wants")}</p>
      <ul class="points">
        {inReadingOrder(asking.scopes.map((scope) => ({ scope }))).map(({ scope }) => (
          <li key={scope}>{sayScope(frame, scope, 0)}</li>
        ))}
      </ul>
      <p>{frame.say("device.compare", { code: <strong dir="ltr">{userCode}</strong> })}</p>
      <Form frame={frame} state={state} action={frame.link("/device/decision")}>
        <input type="hidden" name="user_code" value={userCode} />
        <Choice frame={frame} />
      </Form>
    </CardLayout>
  );
}

export function EndSession({ view, frame }: Props<"endSession">) {
  const { state, query, app, staysHere } = view;
  const below = <a href={frame.link("")}>{frame.say("sign_out.stay")}</a>;
  return (
    <CardLayout frame={frame} title={frame.t("end_session.title")} below={below}>
      <p>{app ? frame.say("end_session.text_app", { app }) : frame.say("end_session.text")}</p>
      {staysHere && <p>{frame.say("end_session.stays_here")}</p>}
      <Form frame={frame} state={state} action={`${frame.link("/end-session")}?${query}`}>
        <Submit frame={frame} label="sign_out.submit" />
      </Form>
    </CardLayout>
  );
}
