import { CardLayout } from "../components/layout.js";
import type { PageFrame } from "../look/frame.js";
import type { PageViews } from "../views.js";

/** Where an administrator begins to act for a user. */
export function Impersonation({ view, frame }: { view: PageViews["impersonation"]; frame: PageFrame }) {
  const { email, until, home } = view;
  return (
    <CardLayout frame={frame} title={frame.t("impersonation.title")}>
      <p>{frame.say("impersonation.text", { email: <bdi>{email}</bdi>, date: frame.date(until) })}</p>
      <p>{frame.say("impersonation.limits")}</p>
      <a class="button primary wide" href={home}>
        {frame.say("impersonation.home")}
      </a>
    </CardLayout>
  );
}
