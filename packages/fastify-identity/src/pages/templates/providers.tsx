import { Form, FormToken, isRefused, Submit } from "../components/form.js";
import { AccountLayout, CardLayout } from "../components/layout.js";
import type { PageFrame } from "../look/frame.js";
import type { PageViews, ProviderView } from "../views.js";

interface Props<P extends keyof PageViews> {
  view: PageViews[P];
  frame: PageFrame;
}

/** A button for each provider, below a form. */
export function ProviderButtons({
  frame,
  providers,
  returnTo,
}: {
  frame: PageFrame;
  providers: readonly ProviderView[];
  returnTo: string | undefined;
}) {
  if (providers.length === 0) return null;
  return (
    <div class="stack-s">
      <p class="muted small">{frame.say("provider.or")}</p>
      {providers.map(({ id, name }) => (
        <form key={id} method="post" action={frame.link("/sign-in/provider", { return_to: returnTo })}>
          <FormToken frame={frame} />
          <input type="hidden" name="provider" value={id} />
          <button type="submit" class="button secondary wide">
            {frame.say("provider.go_on", { name })}
          </button>
        </form>
      ))}
    </div>
  );
}

export function Leave({ view, frame }: Props<"leave">) {
  const { to, name } = view;
  return (
    <CardLayout frame={frame} title={frame.t("leave.title", { name })} refresh={to}>
      <p>{frame.say("leave.text", { name })}</p>
      <a class="button primary wide" href={to}>
        {frame.say("provider.go_on", { name })}
      </a>
    </CardLayout>
  );
}

export function Providers({ view, frame }: Props<"providers">) {
  const { state, providers } = view;
  return (
    <AccountLayout
      frame={frame}
      section="/security"
      title={frame.t("providers.title")}
      refused={isRefused(state)}
    >
      <p>{frame.say("providers.text")}</p>
      {providers.map(({ id, name, linkedAt }) => (
        <section key={id} class="card stack">
          <h2>{name}</h2>
          <p class="muted">
            {linkedAt
              ? frame.say("providers.since", { date: frame.date(linkedAt) })
              : frame.say("providers.not_linked")}
          </p>
          <Form
            frame={frame}
            name={linkedAt ? "unlink" : "link"}
            state={state}
            action={frame.link(`/security/providers/${linkedAt ? "unlink" : "link"}`)}
          >
            <input type="hidden" name="provider" value={id} />
            <Submit frame={frame} label={linkedAt ? "providers.unlink" : "providers.link"} look="secondary" />
          </Form>
        </section>
      ))}
    </AccountLayout>
  );
}
