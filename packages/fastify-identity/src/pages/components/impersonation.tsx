import type { PageFrame } from "../look/frame.js";
import { FormToken } from "./form.js";

/** Says on every page that somebody acts for a user, until when, and how to stop. */
export function ImpersonationBanner({ frame }: { frame: PageFrame }) {
  const { impersonation } = frame;
  if (!impersonation) return null;
  const { email, until } = impersonation;
  return (
    <aside class="acting" aria-label={frame.t("impersonation.label")}>
      <p>
        {frame.say("impersonation.banner", {
          email: <bdi>{email}</bdi>,
          date: <time dateTime={until.toISOString()}>{frame.date(until)}</time>,
        })}
      </p>
      <form method="post" action={frame.link("/impersonation/stop")}>
        <FormToken frame={frame} />
        <button type="submit" class="secondary">
          {frame.say("impersonation.stop")}
        </button>
      </form>
    </aside>
  );
}
