import { Form, isRefused, Of } from "../components/form.js";
import { AccountLayout } from "../components/layout.js";
import { Pager } from "../components/pager.js";
import { type FormState, type PageFrame, untouched } from "../look/frame.js";
import type { AppView, PageViews } from "../views.js";
import { inReadingOrder, sayScope } from "./oauth.js";

const section = "/apps";

export function Apps({ view, frame }: { view: PageViews["apps"]; frame: PageFrame }) {
  const { state, apps, ownsApps, days, next, isFirst } = view;
  return (
    <AccountLayout frame={frame} section={section} title={frame.t("apps.title")} refused={isRefused(state)}>
      <p class="muted">{frame.say("apps.text")}</p>
      <section class="card stack">
        {apps.length === 0 ? (
          <p>{frame.say("apps.none")}</p>
        ) : (
          <ul class="list">
            {apps.map((app) => (
              <App key={app.clientId} app={app} days={days} state={state} frame={frame} />
            ))}
          </ul>
        )}
        <Pager frame={frame} next={next} isFirst={isFirst} linkTo={(page) => frame.link(section, page)} />
      </section>
      {ownsApps && (
        <p>
          <a href={frame.link("/apps/own")}>{frame.say("own_apps.title")}</a>
        </p>
      )}
    </AccountLayout>
  );
}

/** The name of an app, and whether it is switched off. */
export function AppName({
  name,
  isActive,
  frame,
}: Pick<AppView, "name" | "isActive"> & { frame: PageFrame }) {
  return (
    <p>
      <strong>
        <bdi>{name}</bdi>
      </strong>{" "}
      {!isActive && <span class="tag warn">{frame.say("apps.not_active")}</span>}
    </p>
  );
}

interface AppProps {
  app: AppView;
  days: number;
  state: FormState;
  frame: PageFrame;
}

function App({ app, days, state, frame }: AppProps) {
  const { clientId, name, homepage, isActive, scopes, grantedAt, lastUsedAt } = app;
  const own = state.values.client_id === clientId ? state : untouched;
  return (
    <li>
      <div class="what stack-s">
        <AppName name={name} isActive={isActive} frame={frame} />
        {homepage && (
          <p class="small">
            <bdi dir="ltr">{homepage}</bdi>
          </p>
        )}
        <p class="small">{frame.say("apps.may")}</p>
        <ul class="points small">
          {inReadingOrder(scopes.map((scope) => ({ scope }))).map(({ scope }) => (
            <li key={scope}>{sayScope(frame, scope, days)}</li>
          ))}
        </ul>
        <p class="muted small">
          {frame.say("apps.since", { date: frame.date(grantedAt) })}
          {lastUsedAt && <> · {frame.say("apps.last_used", { date: frame.date(lastUsedAt) })}</>}
        </p>
      </div>
      <Form frame={frame} name="end" state={own} action={frame.link(`${section}/end`)} class="">
        <input type="hidden" name="client_id" value={clientId} />
        <button type="submit" class="plain bad">
          {frame.say("apps.end")} <Of what={name} />
        </button>
      </Form>
    </li>
  );
}
