import type { AppStatus, AppUsageDay } from "@org/db-models";
import { duration } from "@org/db-models/core";
import { readPagePosition } from "@org/db-models/queries";
import { z } from "zod";
import { AppUsage } from "../../pages/components/app-usage.js";
import { Codes } from "../../pages/components/codes.js";
import { isRefused, Select } from "../../pages/components/form.js";
import type { FormState } from "../../pages/look/frame.js";
import type { MessageId } from "../../pages/messages/english.js";
import * as acts from "../acts/apps.js";
import { addressOfSecret } from "./app-secret.js";
import { AppTag, appFields } from "./apps.js";
import { AppLists, AppSettings, ChangeApp } from "./parts/app-settings.js";
import type { AdminForm, AdminPage } from "./parts/define.js";
import { fields } from "./parts/fields.js";
import type { AdminFrame } from "./parts/frame.js";
import { AdminLayout, Moment, Reasoned, RowAct } from "./parts/layout.js";

const path = "/apps/:clientId";
const overlapHours = [0, 1, 24, 168] as const;

interface AppView {
  readonly state: FormState;
  readonly detail: acts.AppDetail;
  readonly usage: readonly AppUsageDay[];
  readonly now: Date;
  readonly consents: readonly acts.KnownConsent[];
  readonly next: string | undefined;
}

const overlap = {
  schema: z.enum(overlapHours.map(String)).transform((hours) => Number(hours) * duration.hour),
  error: { id: "problem.malformed" },
} as const;

export const appPage: AdminPage<AppView> = {
  path,
  permission: "apps:read",
  template: App,
  view: async ({ acting, page, parameter }, state) => {
    const clientId = parameter("clientId");
    const before = page.query("before");
    const position = before === undefined ? undefined : readPagePosition(before);
    const wanted = { limit: 25, ...(position && { before: position }) };
    const [detail, usage, users] = await Promise.all([
      acts.readApp(acting, clientId),
      acts.readUsage(acting, clientId),
      acts.listAppUsers(acting, clientId, wanted),
    ]);
    return { state, detail, usage, now: acting.service.clock.now(), ...users };
  },
  forms: [
    status("suspend", "suspended", "admin.done_app_suspended"),
    status("activate", "active", "admin.done_app_active"),
    status("delete", "deleted", "admin.done_app_deleted"),
    {
      name: "change",
      path: `${path}/change`,
      permission: "apps:write",
      problemAt: { INVALID_INPUT: "redirect_uris" },
      problemTexts: { INVALID_INPUT: { id: "admin.error_redirect_uris" } },
      submit: async ({ acting, parameter, page, link }, form) => {
        const { type: _fixed, ...asked } = appFields;
        const { reason, redirect_uris, ...read } = form.read({ ...asked, reason: fields.reason });
        const clientId = parameter("clientId");
        await acts.updateApp(acting, { clientId, changes: { ...read, redirectUris: redirect_uris }, reason });
        return page.redirect(link(`/apps/${encodeURIComponent(clientId)}`), { id: "admin.done_app_changed" });
      },
    },
    {
      name: "rotate",
      path: `${path}/rotate`,
      permission: "apps:write",
      submit: async (request, form) => {
        const { overlap: overlapMs, reason } = form.read({ overlap, reason: fields.reason });
        const clientId = request.parameter("clientId");
        const rotated = await acts.rotateSecret(request.acting, { clientId, overlapMs, reason });
        return request.page.redirect(addressOfSecret(request, clientId, rotated));
      },
    },
    {
      name: "end-consent",
      path: `${path}/end-consent`,
      permission: "users:write",
      submit: async ({ acting, parameter, page, link }, form) => {
        const { user: userId, reason } = form.read({ user: fields.id, reason: fields.reason });
        const clientId = parameter("clientId");
        await acts.endConsent(acting, { userId, clientId, reason });
        return page.redirect(link(`/apps/${encodeURIComponent(clientId)}`), {
          id: "admin.done_consent_ended",
        });
      },
    },
  ],
};

function status(name: string, to: AppStatus, notice: MessageId): AdminForm {
  return {
    name,
    path: `${path}/${name}`,
    permission: "apps:write",
    submit: async ({ acting, parameter, page, link }, form) => {
      const { reason } = form.read({ reason: fields.reason });
      const clientId = parameter("clientId");
      await acts.setAppStatus(acting, { clientId, status: to, reason });
      return page.redirect(link(`/apps/${encodeURIComponent(clientId)}`), { id: notice });
    },
  };
}

interface Props {
  view: AppView;
  frame: AdminFrame;
}

function App({ view, frame }: Props) {
  const { state, detail } = view;
  const { app, ownerEmail } = detail;
  return (
    <AdminLayout frame={frame} section="/apps" title={app.name} refused={isRefused(state)}>
      <section class="card stack">
        <p>
          <AppTag frame={frame} status={app.status} /> {frame.say(`admin.app_type_${app.type}`)}
        </p>
        {app.description && <p>{app.description}</p>}
        <dl class="facts plain-facts">
          <div>
            <dt>{frame.say("admin.client_id")}</dt>
            <dd>
              <code>{app.clientId}</code>
            </dd>
          </div>
          <div>
            <dt>{frame.say("admin.owner")}</dt>
            <dd>
              <a href={frame.admin.link(`/users/${app.ownerId.toHexString()}`)}>
                <bdi>{ownerEmail ?? app.ownerId.toHexString()}</bdi>
              </a>
            </dd>
          </div>
          {app.clientSecrets.map(({ createdAt, expiresAt }, at) => (
            <div key={at}>
              <dt>{frame.say(expiresAt ? "admin.secret_former" : "admin.secret_current")}</dt>
              <dd>
                <Moment frame={frame} at={expiresAt ?? createdAt} />
              </dd>
            </div>
          ))}
          <AppSettings app={app} frame={frame} />
        </dl>
        <AppLists app={app} frame={frame} />
      </section>
      {frame.admin.may("apps:write") && app.status !== "deleted" && <Actions view={view} frame={frame} />}
      <AppUsage frame={frame} days={view.usage} now={view.now} />
      <Users view={view} frame={frame} />
    </AdminLayout>
  );
}

function Actions({ view, frame }: Props) {
  const { state, detail } = view;
  const { app } = detail;
  const to = (what: string) => frame.admin.link(`/apps/${encodeURIComponent(app.clientId)}/${what}`);
  const shared = { frame, state };
  const overlaps = overlapHours.map((hours) => ({
    value: String(hours),
    label: frame.t("admin.overlap_hours", { count: hours }),
  }));
  return (
    <section class="card stack">
      <h2>{frame.say("admin.actions")}</h2>
      <ChangeApp {...shared} app={app} action={to("change")} />
      {app.clientSecrets.length > 0 && (
        <Reasoned
          {...shared}
          name="rotate"
          action={to("rotate")}
          label="admin.rotate"
          text="admin.rotate_text"
        >
          <Select
            {...shared}
            form="rotate"
            name="overlap"
            label="admin.overlap"
            options={overlaps}
            value="24"
          />
        </Reasoned>
      )}
      {app.status === "active" && (
        <Reasoned
          {...shared}
          name="suspend"
          action={to("suspend")}
          label="admin.suspend"
          text="admin.suspend_text"
          look="danger"
        />
      )}
      {app.status === "suspended" && (
        <Reasoned {...shared} name="activate" action={to("activate")} label="admin.activate" />
      )}
      <Reasoned
        {...shared}
        name="delete"
        action={to("delete")}
        label="admin.delete_app"
        text="admin.delete_app_text"
        look="danger"
      />
    </section>
  );
}

function Users({ view, frame }: Props) {
  const { consents, next, detail, state } = view;
  const here = `/apps/${encodeURIComponent(detail.app.clientId)}`;
  return (
    <section class="card stack">
      <h2>{frame.say("admin.app_users")}</h2>
      {consents.length === 0 && <p>{frame.say("admin.app_users_none")}</p>}
      <ul class="list">
        {consents.map((consent) => (
          <Consent
            key={consent.userId.toHexString()}
            consent={consent}
            action={frame.admin.link(`${here}/end-consent`)}
            state={state}
            frame={frame}
          />
        ))}
      </ul>
      {next && <a href={frame.admin.link(here, { before: next })}>{frame.say("activity.older")}</a>}
    </section>
  );
}

interface ConsentProps {
  consent: acts.KnownConsent;
  action: string;
  state: FormState;
  frame: AdminFrame;
}

function Consent({ consent, action, state, frame }: ConsentProps) {
  const { userId, email, scopes, grantedAt, lastUsedAt } = consent;
  const id = userId.toHexString();
  return (
    <li>
      <div class="what stack-s">
        <p>
          <a href={frame.admin.link(`/users/${id}`)}>
            <bdi>{email ?? id}</bdi>
          </a>{" "}
          <Codes of={scopes} />
        </p>
        <p class="muted small">
          {frame.say("admin.since", { date: <Moment frame={frame} at={grantedAt} /> })}
          {lastUsedAt && " · "}
          {lastUsedAt && frame.say("admin.last_active", { date: <Moment frame={frame} at={lastUsedAt} /> })}
        </p>
      </div>
      {frame.admin.may("users:write") && (
        <RowAct
          frame={frame}
          state={state}
          form="end-consent"
          field="user"
          id={id}
          action={action}
          label="admin.end_consent"
          what={email ?? id}
        />
      )}
    </li>
  );
}
