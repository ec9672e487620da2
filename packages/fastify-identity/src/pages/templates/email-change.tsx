import { Form, isRefused, Submit } from "../components/form.js";
import { AccountLayout, CardLayout } from "../components/layout.js";
import type { PageFrame } from "../look/frame.js";
import type { PageViews } from "../views.js";
import { EmailField } from "./entry.js";

interface Props<P extends keyof PageViews> {
  view: PageViews[P];
  frame: PageFrame;
}

export function EmailChange({ view: { state, email }, frame }: Props<"emailChange">) {
  return (
    <AccountLayout frame={frame} section="" title={frame.t("email.title")} refused={isRefused(state)}>
      <section class="card">
        <Form frame={frame} state={state} action={frame.link("/email")}>
          <p>{frame.say("email.text", { email })}</p>
          <EmailField frame={frame} state={state} label="email.new" autocomplete="email" />
          <Submit frame={frame} label="email.submit" look="primary" />
        </Form>
      </section>
    </AccountLayout>
  );
}

export function ConfirmEmail({ view: { state, token }, frame }: Props<"confirmEmail">) {
  return (
    <CardLayout frame={frame} title={frame.t("email.confirm_title")} refused={isRefused(state)}>
      <Form frame={frame} state={state} action={frame.link("/confirm-email")}>
        <p>{frame.say("email.confirm_text")}</p>
        <input type="hidden" name="token" value={token} />
        <Submit frame={frame} label="email.confirm_submit" />
      </Form>
    </CardLayout>
  );
}

export function UndoEmail({ view: { state, token }, frame }: Props<"undoEmail">) {
  return (
    <CardLayout frame={frame} title={frame.t("email.undo_title")} refused={isRefused(state)}>
      <Form frame={frame} state={state} action={frame.link("/undo-email")}>
        <p>{frame.say("email.undo_text")}</p>
        <input type="hidden" name="token" value={token} />
        <Submit frame={frame} label="email.undo_submit" />
      </Form>
    </CardLayout>
  );
}
