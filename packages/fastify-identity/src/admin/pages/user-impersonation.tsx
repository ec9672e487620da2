import { Form, Submit } from "../../pages/components/form.js";
import { Reasoned } from "./parts/layout.js";
import type { UserProps } from "./user-view.js";

/** Asks to act for the user, and does it once another administrator has approved. */
export function Impersonation({ view, frame }: UserProps) {
  const { state, detail, impersonation } = view;
  if (!impersonation) return null;
  const to = (what: string) => frame.admin.link(`/users/${detail.user._id.toHexString()}/${what}`);
  const { approval } = impersonation;
  const isWaiting = approval?.status === "pending";
  return (
    <section class="card stack">
      <h2>{frame.say("admin.impersonate")}</h2>
      {isWaiting && <p>{frame.say("admin.impersonate_waits", { date: frame.date(approval.expiresAt) })}</p>}
      {approval && !isWaiting && (
        <Form frame={frame} name="impersonate" state={state} action={to("impersonate")}>
          <p>{frame.say("admin.impersonate_text", { minutes: impersonation.minutes })}</p>
          <p>
            {frame.say("admin.reason")}: <bdi>{approval.reason}</bdi>
          </p>
          <input type="hidden" name="approval" value={approval._id.toHexString()} />
          <Submit frame={frame} label="admin.impersonate_start" look="danger" />
        </Form>
      )}
      {!approval && (
        <Reasoned
          frame={frame}
          state={state}
          name="request-impersonation"
          action={to("request-impersonation")}
          label="admin.impersonate_request"
          text={
            impersonation.showReason ? "admin.impersonate_request_told" : "admin.impersonate_request_text"
          }
        />
      )}
    </section>
  );
}
