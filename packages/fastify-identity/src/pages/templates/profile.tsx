import { Field, Form, isRefused, Submit } from "../components/form.js";
import { AccountLayout } from "../components/layout.js";
import type { PageFrame } from "../frame.js";
import type { PageViews } from "../views.js";

export function Profile({ view, frame }: { view: PageViews["profile"]; frame: PageFrame }) {
  const { state, email, emailVerified } = view;
  return (
    <AccountLayout frame={frame} section="" title={frame.t("profile.title")} refused={isRefused(state)}>
      <section class="card stack">
        <h2>{frame.say("field.email")}</h2>
        <div class="row">
          <p>
            <bdi>{email}</bdi>{" "}
            <span class={`tag ${emailVerified ? "good" : "warn"}`}>
              {frame.say(emailVerified ? "profile.email_verified" : "profile.email_unverified")}
            </span>
          </p>
          {!emailVerified && (
            <Form frame={frame} name="verification" state={state} action={frame.link("/verification")}>
              <Submit frame={frame} label="profile.send_verification" look="secondary" />
            </Form>
          )}
        </div>
      </section>
      <section class="card">
        <Form frame={frame} name="profile" state={state} action={frame.link("")}>
          <Field
            frame={frame}
            state={state}
            form="profile"
            name="display_name"
            label="field.display_name"
            type="text"
            autocomplete="name"
            value={frame.account?.displayName ?? ""}
            optional
          />
          <Submit frame={frame} label="profile.save" look="primary" />
        </Form>
      </section>
    </AccountLayout>
  );
}
