import { Codes } from "../../pages/components/codes.js";
import { Field, Form, isRefused, Submit } from "../../pages/components/form.js";
import type { MessageId } from "../../pages/messages/english.js";
import { Keys } from "./keys.js";
import type { AdminFrame } from "./parts/frame.js";
import { AdminLayout, Moment, Reasoned, ReasonField } from "./parts/layout.js";
import { Impersonation } from "./user-impersonation.js";
import { Events, Sessions } from "./user-records.js";
import type { UserProps } from "./user-view.js";
import { StatusTag } from "./users.js";

/** A user at a glance, and what can be done. */
export function User({ view, frame }: UserProps) {
  const { detail, own, state } = view;
  const { user } = detail;
  return (
    <AdminLayout frame={frame} section="/users" title={user.email} refused={isRefused(state)}>
      <Glance view={view} frame={frame} />
      {own && <p class="notice">{frame.say("admin.own_account")}</p>}
      {frame.admin.may("users:write") && !own && <Actions view={view} frame={frame} />}
      <Impersonation view={view} frame={frame} />
      <Access view={view} frame={frame} />
      <Keys
        frame={frame}
        state={state}
        keys={view.apiKeys}
        action={
          frame.admin.may("users:write") && !own
            ? frame.admin.link(`/users/${user._id.toHexString()}/end-key`)
            : undefined
        }
      />
      <Sessions view={view} frame={frame} />
      <Events view={view} frame={frame} />
      {frame.admin.may("users:erase") && !own && <Erasure view={view} frame={frame} />}
    </AdminLayout>
  );
}

function Glance({ view, frame }: UserProps) {
  const { user, administrator, sessions } = view.detail;
  const { status, emailVerifiedAt, username, profile, roles, createdAt, lastActiveAt, _id } = user;
  const facts: [MessageId, preactChild][] = [
    ["admin.status", <StatusTag frame={frame} status={status} />],
    [
      "admin.email_state",
      emailVerifiedAt ? <Moment frame={frame} at={emailVerifiedAt} /> : frame.say("admin.unverified"),
    ],
    ["field.display_name", profile.displayName ? <bdi>{profile.displayName}</bdi> : "–"],
    ["admin.username", username ? <bdi>{username}</bdi> : "–"],
    ["admin.created_at", <Moment frame={frame} at={createdAt} />],
    ["admin.active_at", lastActiveAt ? <Moment frame={frame} at={lastActiveAt} /> : "–"],
    ["admin.live_sessions", frame.number(sessions.length)],
    ["admin.id", <code>{_id.toHexString()}</code>],
  ];
  return (
    <section class="card stack">
      <dl class="facts plain-facts">
        {facts.map(([label, value]) => (
          <div key={label}>
            <dt>{frame.say(label)}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <p class="actions">
        <a href={frame.admin.link("/reports", { user: _id.toHexString() })}>
          {frame.say("admin.reports_link")}
        </a>
        {frame.admin.may("audit:read") && (
          <>
            <a href={frame.admin.link("/audit", { subject: _id.toHexString() })}>
              {frame.say("admin.audit_link_of")}
            </a>
            <a href={frame.admin.link("/audit", { actor: _id.toHexString() })}>
              {frame.say("admin.audit_link_by")}
            </a>
          </>
        )}
      </p>
      {(roles.length > 0 || administrator) && (
        <p>
          {frame.say("admin.roles")} <Codes of={roles} />
        </p>
      )}
    </section>
  );
}

type preactChild = Parameters<AdminFrame["say"]>[1] extends Readonly<Record<string, infer C>> | undefined
  ? C
  : never;

function Actions({ view, frame }: UserProps) {
  const { state, detail } = view;
  const { user, factors } = detail;
  const to = (what: string) => frame.admin.link(`/users/${user._id.toHexString()}/${what}`);
  const hasFactors = factors.totp !== undefined || factors.passkeys.length > 0;
  const shared = { frame, state };
  return (
    <section class="card stack">
      <h2>{frame.say("admin.actions")}</h2>
      {user.status === "active" && (
        <Reasoned
          {...shared}
          name="lock"
          action={to("lock")}
          label="admin.lock"
          text="admin.lock_text"
          look="danger"
        />
      )}
      {user.status === "suspended" && (
        <Reasoned
          {...shared}
          name="unlock"
          action={to("unlock")}
          label="admin.unlock"
          text="admin.unlock_text"
        />
      )}
      {!user.emailVerifiedAt && (
        <Reasoned
          {...shared}
          name="verify"
          action={to("verify")}
          label="admin.verify"
          text="admin.verify_text"
        >
          <input type="hidden" name="email" value={user.email} />
        </Reasoned>
      )}
      {user.status === "active" && (
        <Reasoned
          {...shared}
          name="password-reset"
          action={to("password-reset")}
          label="admin.password_reset"
          text="admin.password_reset_text"
        />
      )}
      {hasFactors && (
        <Reasoned
          {...shared}
          name="reset-factors"
          action={to("reset-factors")}
          label="admin.reset_factors"
          text="admin.reset_factors_text"
          look="danger"
        />
      )}
      <Reasoned
        {...shared}
        name="end-all"
        action={to("end-all")}
        label="admin.end_all"
        text="admin.end_all_text"
        look="danger"
      />
    </section>
  );
}

function Access({ view, frame }: UserProps) {
  const { hasPassword, linked, factors, consents } = view.detail;
  const ways = [
    hasPassword && frame.say("admin.has_password"),
    ...linked.map(({ provider, linkedAt }) =>
      frame.say("admin.has_provider", { provider, date: <Moment frame={frame} at={linkedAt} /> }),
    ),
    factors.totp &&
      frame.say("admin.has_totp", { date: <Moment frame={frame} at={factors.totp.confirmedAt} /> }),
    ...factors.passkeys.map(({ name, createdAt }) =>
      frame.say("admin.has_passkey", { name, date: <Moment frame={frame} at={createdAt} /> }),
    ),
    factors.recoveryCodes > 0 && frame.say("admin.has_codes", { count: frame.number(factors.recoveryCodes) }),
    factors.rememberedDevices.length > 0 &&
      frame.say("admin.has_devices", { count: frame.number(factors.rememberedDevices.length) }),
  ].filter(Boolean);
  return (
    <section class="card stack">
      <h2>{frame.say("admin.access")}</h2>
      <ul class="list-plain stack-s">
        {ways.map((way, at) => (
          <li key={at}>{way}</li>
        ))}
      </ul>
      {consents.length > 0 && <h3>{frame.say("admin.consents")}</h3>}
      {consents.length > 0 && (
        <ul class="list-plain stack-s">
          {consents.map(({ app, scopes, grantedAt }) => (
            <li key={app.clientId}>
              {frame.admin.may("apps:read") ? (
                <a href={frame.admin.link(`/apps/${encodeURIComponent(app.clientId)}`)}>
                  <bdi>{app.name}</bdi>
                </a>
              ) : (
                <bdi>{app.name}</bdi>
              )}{" "}
              <Codes of={scopes} />
              <span class="muted small">
                <Moment frame={frame} at={grantedAt} />
              </span>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function Erasure({ view, frame }: UserProps) {
  const { state, detail, approvalId, twoAdministrators } = view;
  const to = (what: string) => frame.admin.link(`/users/${detail.user._id.toHexString()}/${what}`);
  if (twoAdministrators && approvalId === undefined) {
    return (
      <section class="card stack">
        <h2>{frame.say("admin.erase")}</h2>
        <Reasoned
          frame={frame}
          state={state}
          name="request-erasure"
          action={to("request-erasure")}
          label="admin.erase_request"
          text="admin.erase_request_text"
        />
      </section>
    );
  }
  return (
    <section class="card">
      <Form frame={frame} name="erase" state={state} action={to("erase")}>
        <h2>{frame.say("admin.erase")}</h2>
        <p>{frame.say("admin.erase_text")}</p>
        <input type="hidden" name="approval" value={approvalId ?? ""} />
        <Field
          frame={frame}
          state={state}
          form="erase"
          name="email"
          label="admin.confirm_email"
          type="text"
          autocomplete="off"
          autocapitalize="none"
          spellcheck={false}
          hint={frame.say("admin.confirm_email_hint", { email: detail.user.email })}
          required
        />
        <ReasonField frame={frame} state={state} form="erase" />
        <Submit frame={frame} label="admin.erase" look="danger" />
      </Form>
    </section>
  );
}
