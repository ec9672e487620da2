import { AppUsage as Days } from "../components/app-usage.js";
import { Of } from "../components/form.js";
import { AccountLayout } from "../components/layout.js";
import { Pager } from "../components/pager.js";
import type { PageFrame } from "../look/frame.js";
import type { PageName, PageViews } from "../views.js";
import { AppName } from "./apps.js";

interface Props<P extends PageName> {
  view: PageViews[P];
  frame: PageFrame;
}

const section = "/apps";
const path = "/apps/own";

/** The apps that somebody owns. */
export function OwnApps({ view, frame }: Props<"ownApps">) {
  const { apps, next, isFirst } = view;
  return (
    <AccountLayout frame={frame} section={section} title={frame.t("own_apps.title")}>
      <p class="muted">{frame.say("own_apps.text")}</p>
      <section class="card stack">
        {apps.length === 0 ? (
          <p>{frame.say("own_apps.none")}</p>
        ) : (
          <ul class="list">
            {apps.map(({ clientId, name, isActive, createdAt }) => (
              <li key={clientId}>
                <div class="what stack-s">
                  <AppName name={name} isActive={isActive} frame={frame} />
                  <p class="muted small">{frame.say("apps.since", { date: frame.date(createdAt) })}</p>
                </div>
                <a href={frame.link(`${path}/usage`, { client_id: clientId })}>
                  {frame.say("own_apps.usage")} <Of what={name} />
                </a>
              </li>
            ))}
          </ul>
        )}
        <Pager frame={frame} next={next} isFirst={isFirst} linkTo={(page) => frame.link(path, page)} />
      </section>
    </AccountLayout>
  );
}

/** What one of them did. */
export function AppUsage({ view, frame }: Props<"appUsage">) {
  const { name, clientId, days, now } = view;
  return (
    <AccountLayout frame={frame} section={section} title={frame.t("own_apps.usage_title", { name })}>
      <p class="muted">
        {frame.say("own_apps.client_id")} <code dir="ltr">{clientId}</code>
      </p>
      <Days frame={frame} days={days} now={now} />
      <p>
        <a href={frame.link(path)}>{frame.say("own_apps.back")}</a>
      </p>
    </AccountLayout>
  );
}
