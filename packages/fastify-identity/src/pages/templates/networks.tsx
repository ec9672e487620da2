// The networks from which an account may sign in.
import { Check, Form, isRefused, Submit, TextArea } from "../components/form.js";
import { AccountLayout } from "../components/layout.js";
import type { PageFrame } from "../look/frame.js";
import type { PageViews } from "../views.js";

interface Props {
  view: PageViews["allowlist"];
  frame: PageFrame;
}

export function Allowlist({ view, frame }: Props) {
  const { state, allowlist, address } = view;
  return (
    <AccountLayout
      frame={frame}
      section="/security"
      title={frame.t("allowlist.title")}
      refused={isRefused(state)}
    >
      <section class="card">
        <Form frame={frame} state={state} action={frame.link("/security/networks")}>
          <p>{frame.say("security.allowlist_text")}</p>
          <TextArea
            frame={frame}
            state={state}
            name="allowlist"
            label="allowlist.label"
            hint={frame.say("allowlist.hint", { address: address ?? "?" })}
            value={allowlist.join("\n")}
          />
          <Check frame={frame} name="confirmed" label="allowlist.confirm" checked={false} />
          <Submit frame={frame} label="allowlist.submit" look="primary" />
        </Form>
      </section>
    </AccountLayout>
  );
}
