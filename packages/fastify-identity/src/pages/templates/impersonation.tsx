import { FormToken } from "../components/form.js";
import { CardLayout } from "../components/layout.js";
import type { PageFrame } from "../look/frame.js";
import type { PageViews } from "../views.js";

/** Where an administrator begins to act for a user, and where they stop once it is over. */
export function Impersonation({ view, frame }: { view: PageViews["impersonation"]; frame: PageFrame }) {
  const { acts, home } = view;
  if (!acts) return <Over frame={frame} />;
  const { email, until } = acts;
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

function Over({ frame }: { frame: PageFrame }) {
  return (
    <CardLayout frame={frame} title={frame.t("impersonation.over")}>
      <p>{frame.say("impersonation.over_text")}</p>
      <form method="post" action={frame.link("/impersonation/stop")}>
        <FormToken frame={frame} />
        <button type="submit" class="primary wide">
          {frame.say("impersonation.stop")}
        </button>
      </form>
    </CardLayout>
  );
}
