import type { ApiKeySummary, UserSessionDocument } from "@org/db-models";
import { queries, readPagePosition, runQuery } from "@org/db-models/queries";
import type { FastifyReply } from "fastify";
import { Types } from "mongoose";
import { IdentityProblem } from "../../flows/problems.js";
import { Field, Form, isRefused, Of, Submit } from "../../pages/components/form.js";
import { type FormState, untouched } from "../../pages/look/frame.js";
import type { Text } from "../../pages/look/language.js";
import { english, type MessageId } from "../../pages/messages/english.js";
import type { Form as SentForm } from "../../pages/serve/define-page.js";
import type { Acting } from "../acting.js";
import { requestErasure } from "../acts/administrators.js";
import { endApiKey, listApiKeys } from "../acts/apps.js";
import * as acts from "../acts/users.js";
import type { AdminForm, AdminPage, AdminRequest } from "./define.js";
import { fields } from "./fields.js";
import type { AdminFrame } from "./frame.js";
import { Keys } from "./keys.js";
import { AdminLayout, Moment, Reasoned, ReasonField } from "./layout.js";
import { StatusTag } from "./users.js";

const path = "/users/:id";
const shownKeys = 50;

interface UserView {
  readonly state: FormState;
  readonly detail: acts.UserDetail;
  /** A page of sessions that have ended, or may have. */
  readonly past: readonly acts.PastSession[];
  /** The newest that are live. */
  readonly apiKeys: readonly ApiKeySummary[];
  readonly next: string | undefined;
  readonly now: Date;
  /** Whether the account is the reader's own: nobody acts on themself. */
  readonly own: boolean;
  /** What another administrator has approved for the reader. */
  readonly approvalId: string | undefined;
  readonly twoAdministrators: boolean;
}

/** The account of the address. */
function idOf({ parameter }: AdminRequest): Types.ObjectId {
  const id = parameter("id");
  if (!/^[0-9a-f]{24}$/.test(id)) throw new IdentityProblem("NOT_FOUND");
  return new Types.ObjectId(id);
}

export const userPage: AdminPage<UserView> = {
  path,
  permission: "users:read",
  template: User,
  view: async (request, state) => {
    const { acting, page } = request;
    const userId = idOf(request);
    const before = page.query("before");
    const position = before === undefined ? undefined : readPagePosition(before);
    const [detail, history, keys, approvalId] = await Promise.all([
      acts.readUser(acting, userId),
      acts.listSessions(acting, userId, { limit: 20, ...(position && { before: position }) }),
      listApiKeys(acting, userId, { limit: shownKeys }),
      approvedFor(acting, userId),
    ]);
    const { sessions: past, next } = history;
    const { twoAdministrators } = acting.settings;
    const own = userId.equals(acting.userId);
    const now = acting.service.clock.now();
    const { apiKeys } = keys;
    return { state, detail, past, next, now, own, apiKeys, approvalId, twoAdministrators };
  },
  forms: [
    about("end-all", "users:write", async (acting, target) => {
      const count = await acts.endSessions(acting, target);
      return { id: "admin.done_sessions_ended", values: { count } };
    }),
    {
      ...about("end-session", "users:write", async (acting, target, form) => {
        const { session: sessionId } = form.read({ session: fields.id });
        await acts.endSession(acting, { ...target, sessionId });
        return { id: "admin.done_session_ended" };
      }),
    },
    about("end-key", "users:write", async (acting, target, form) => {
      const { key: keyId } = form.read({ key: fields.id });
      await endApiKey(acting, { ...target, keyId });
      return { id: "admin.done_key_ended" };
    }),
    about("lock", "users:write", async (acting, target) => {
      await acts.lockUser(acting, target);
      return { id: "admin.done_locked" };
    }),
    about("unlock", "users:write", async (acting, target) => {
      await acts.unlockUser(acting, target);
      return { id: "admin.done_unlocked" };
    }),
    about("verify", "users:write", async (acting, target, form) => {
      await acts.verifyEmail(acting, { ...target, email: form.text("email") });
      return { id: "admin.done_verified" };
    }),
    about("password-reset", "users:write", async (acting, target) => {
      await acts.sendPasswordReset(acting, target);
      return { id: "admin.done_reset_sent" };
    }),
    about("reset-factors", "users:write", async (acting, target) => {
      const { ended } = await acts.resetFactors(acting, target);
      return { id: "admin.done_factors_reset", values: { count: ended } };
    }),
    about("request-erasure", "users:erase", async (acting, target) => {
      await requestErasure(acting, target);
      return { id: "admin.done_approval_requested" };
    }),
    {
      name: "erase",
      path: `${path}/erase`,
      permission: "users:erase",
      problemAt: { INVALID_INPUT: "email" },
      problemTexts: { INVALID_INPUT: { id: "admin.error_confirm_email" } },
      submit: async (request, form) => {
        const { reason } = form.read({ reason: fields.reason });
        const approval = form.text("approval");
        const approvalId = /^[0-9a-f]{24}$/.test(approval) ? new Types.ObjectId(approval) : undefined;
        const order = { userId: idOf(request), reason, email: form.text("email"), approvalId };
        await acts.eraseUser(request.acting, order);
        return request.page.redirect(request.link("/users"), { id: "admin.done_erased" });
      },
    },
  ],
};

/** A form that does something to the user of the page, for a reason. */
function about(
  name: string,
  permission: AdminForm["permission"],
  act: (acting: Acting, target: acts.AboutUser, form: SentForm) => Promise<Text>,
): AdminForm {
  return {
    name,
    path: `${path}/${name}`,
    permission,
    submit: async (request, form): Promise<FastifyReply> => {
      const { reason } = form.read({ reason: fields.reason });
      const userId = idOf(request);
      const notice = await act(request.acting, { userId, reason }, form);
      return request.page.redirect(request.link(`/users/${userId.toHexString()}`), notice);
    },
  };
}

/** The approval of another administrator to erase this user, for who asked for it. */
async function approvedFor(acting: Acting, subjectId: Types.ObjectId): Promise<string | undefined> {
  if (!acting.permissions.has("users:erase")) return undefined;
  const { models, clock } = acting.service.identity;
  const found = await runQuery(models, queries.approvalsWith(subjectId));
  const usable = found.find(
    (one) =>
      one.status === "approved" &&
      one.subjectId?.equals(subjectId) &&
      one.requestedBy.equals(acting.userId) &&
      one.expiresAt > clock.now(),
  );
  return usable?._id.toHexString();
}

interface Props {
  view: UserView;
  frame: AdminFrame;
}

function User({ view, frame }: Props) {
  const { detail, own, state } = view;
  const { user } = detail;
  return (
    <AdminLayout frame={frame} section="/users" title={user.email} refused={isRefused(state)}>
      <Glance view={view} frame={frame} />
      {own && <p class="notice">{frame.say("admin.own_account")}</p>}
      {frame.admin.may("users:write") && !own && <Actions view={view} frame={frame} />}
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

function Glance({ view, frame }: Props) {
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
      {(roles.length > 0 || administrator) && (
        <p>
          {frame.say("admin.roles")}{" "}
          {roles.map((role) => (
            <>
              <code class="scope">{role}</code>{" "}
            </>
          ))}
        </p>
      )}
    </section>
  );
}

type preactChild = Parameters<AdminFrame["say"]>[1] extends Readonly<Record<string, infer C>> | undefined
  ? C
  : never;

function Actions({ view, frame }: Props) {
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

function Access({ view, frame }: Props) {
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
              {scopes.map((scope) => (
                <>
                  <code class="scope">{scope}</code>{" "}
                </>
              ))}
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

function Sessions({ view, frame }: Props) {
  const { past, next, detail, own } = view;
  const live = new Set(detail.sessions.map(({ id }) => id.toHexString()));
  const here = `/users/${detail.user._id.toHexString()}`;
  return (
    <section class="card stack">
      <h2>{frame.say("admin.sessions")}</h2>
      {past.length === 0 && <p>{frame.say("admin.sessions_none")}</p>}
      <ul class="list">
        {past.map((session) => (
          <Session
            key={session._id.toHexString()}
            session={session}
            isLive={live.has(session._id.toHexString())}
            mayEnd={frame.admin.may("users:write") && !own}
            view={view}
            frame={frame}
          />
        ))}
      </ul>
      {next && <a href={frame.admin.link(here, { before: next })}>{frame.say("activity.older")}</a>}
    </section>
  );
}

interface SessionProps extends Props {
  session: acts.PastSession;
  isLive: boolean;
  mayEnd: boolean;
}

const riskLooks = { unscored: "calm", low: "good", medium: "warn", high: "bad" } as const;

function Session({ session, isLive, mayEnd, view, frame }: SessionProps) {
  const { _id, device, ip, location, risk, createdAt, lastSeenAt } = session;
  const id = _id.toHexString();
  const place = [location?.city, location?.country, ip].filter(Boolean);
  const name = `end-session-${id}`;
  const sent = view.state.form === "end-session" && view.state.values.session === id;
  const state = sent ? { ...view.state, form: name } : untouched;
  const user = view.detail.user._id.toHexString();
  return (
    <li>
      <div class="what stack-s">
        <p>
          <bdi class="upper">{device.label || frame.t("security.unknown_device")}</bdi>{" "}
          <span class={`tag ${isLive ? "good" : "calm"}`}>{frame.say(endOf(session, isLive))}</span>{" "}
          <span class={`tag ${riskLooks[risk.level]}`}>{frame.say(`admin.risk_${risk.level}`)}</span>
        </p>
        <p class="muted small">
          {place.map((part, at) => (
            <>
              {at > 0 && " · "}
              <bdi>{part}</bdi>
            </>
          ))}
          {place.length > 0 && " · "}
          {frame.say("admin.session_times", {
            from: <Moment frame={frame} at={createdAt} />,
            to: <Moment frame={frame} at={lastSeenAt} />,
          })}
        </p>
        {risk.reasons.length > 0 && (
          <p class="small">
            {risk.reasons.map((reason) => (
              <>
                <code class="scope">{reason}</code>{" "}
              </>
            ))}
          </p>
        )}
      </div>
      {isLive && mayEnd && (
        <details open={sent}>
          <summary>
            {frame.say("security.session_end")} <Of what={device.label} />
          </summary>
          <Form
            frame={frame}
            name={name}
            state={state}
            action={frame.admin.link(`/users/${user}/end-session`)}
          >
            <input type="hidden" name="session" value={id} />
            <ReasonField frame={frame} state={state} form={name} />
            <Submit frame={frame} label="security.session_end" look="danger" />
          </Form>
        </details>
      )}
    </li>
  );
}

type Ended = Pick<UserSessionDocument, "revocationReason" | "revokedAt">;

/** How a session ended, or that it has not. */
function endOf({ revokedAt, revocationReason }: Ended, isLive: boolean): MessageId {
  if (isLive) return "admin.session_live";
  if (!revokedAt) return "admin.session_expired";
  return messageOr(`admin.ended_${revocationReason ?? ""}`, "admin.session_ended");
}

function messageOr(id: string, other: MessageId): MessageId {
  return Object.hasOwn(english, id) ? (id as MessageId) : other;
}

const severityLooks = { info: "calm", warning: "warn", critical: "bad" } as const;

function Events({ view, frame }: Props) {
  const { events } = view.detail;
  return (
    <section class="card stack">
      <h2>{frame.say("admin.events")}</h2>
      {events.length === 0 && <p>{frame.say("activity.none")}</p>}
      <ul class="list">
        {events.map(({ _id, kind, severity, at, device, country, network, reasons }) => (
          <li key={_id.toHexString()}>
            <div class="what">
              <p>
                {frame.say(messageOr(`activity.${kind}`, "activity.other"))}{" "}
                {severity !== "info" && (
                  <span class={`tag ${severityLooks[severity]}`}>{frame.say(`activity.${severity}`)}</span>
                )}
              </p>
              <p class="muted small">
                {[device, country, network, ...reasons].filter(Boolean).map((part, index) => (
                  <>
                    {index > 0 && " · "}
                    <bdi>{part}</bdi>
                  </>
                ))}
              </p>
            </div>
            <p class="muted small">
              <Moment frame={frame} at={at} />
            </p>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Erasure({ view, frame }: Props) {
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
