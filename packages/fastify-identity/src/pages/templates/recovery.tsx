import { CurrentPassword, Form, isRefused, Submit } from "../components/form.js";
import { CardLayout } from "../components/layout.js";
import type { PageFrame } from "../look/frame.js";
import type { PageViews } from "../views.js";
import { IdentifierField } from "./entry.js";

interface Props<P extends keyof PageViews> {
  view: PageViews[P];
  frame: PageFrame;
}

export function Recover({ view: { state }, frame }: Props<"recover">) {
  const below = <a href={frame.link("/sign-in")}>{frame.say("check_mail.back")}</a>;
  return (
    <CardLayout frame={frame} title={frame.t("recover.title")} refused={isRefused(state)} below={below}>
      <p>{frame.say("recover.text")}</p>
      <Form frame={frame} state={state} action={frame.link("/recover")}>
        <IdentifierField frame={frame} state={state} />
        <CurrentPassword frame={frame} state={state} label="field.password" />
        <Submit frame={frame} label="recover.submit" />
      </Form>
    </CardLayout>
  );
}

export function FinishRecovery({ view: { state, token }, frame }: Props<"finishRecovery">) {
  const below = <a href={frame.link("/recover")}>{frame.say("recover.again")}</a>;
  return (
    <CardLayout
      frame={frame}
      title={frame.t("recover.finish_title")}
      refused={isRefused(state)}
      below={below}
    >
      <p>{frame.say("recover.finish_text")}</p>
      <Form frame={frame} state={state} action={frame.link("/recover/finish")}>
        <input type="hidden" name="token" value={token} />
        <IdentifierField frame={frame} state={state} />
        <CurrentPassword frame={frame} state={state} label="field.password" />
        <Submit frame={frame} label="recover.finish_submit" look="danger wide" />
      </Form>
    </CardLayout>
  );
}

export function CancelRecovery({ view: { state, token }, frame }: Props<"cancelRecovery">) {
  return (
    <CardLayout frame={frame} title={frame.t("recover.cancel_title")} refused={isRefused(state)}>
      <Form frame={frame} state={state} action={frame.link("/recover/cancel")}>
        <p>{frame.say("recover.cancel_text")}</p>
        <input type="hidden" name="token" value={token} />
        <Submit frame={frame} label="recover.cancel_submit" />
      </Form>
    </CardLayout>
  );
}
