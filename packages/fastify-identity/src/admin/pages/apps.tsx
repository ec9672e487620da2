import type { AppStatus } from "@org/db-models";
import { appRegistrationSchema } from "@org/db-models";
import { readPagePosition } from "@org/db-models/queries";
import { appStatuses } from "@org/db-models/schemas";
import { z } from "zod";
import { Field, Form, isRefused, Select, Submit, TextArea } from "../../pages/components/form.js";
import type { FormState } from "../../pages/look/frame.js";
import { type KnownApp, listApps, registerApp } from "../acts/apps.js";
import { addressOfSecret } from "./app-secret.js";
import type { AdminPage } from "./parts/define.js";
import { fields } from "./parts/fields.js";
import type { AdminFrame } from "./parts/frame.js";
import { AdminLayout, ListFilter, Moment, ReasonField } from "./parts/layout.js";

const path = "/apps";
const limit = 25;

interface AppsView {
  readonly state: FormState;
  readonly apps: readonly KnownApp[];
  readonly status: AppStatus;
  readonly next: string | undefined;
}

const statusOf = (text: string | undefined): AppStatus =>
  appStatuses.find((status) => status === text) ?? "active";

/** Items between spaces, commas or line breaks. */
const items = z.string().transform((text) => text.split(/[\s,]+/).filter(Boolean));

const { name, redirectUris, scopes } = appRegistrationSchema.shape;
/** What the forms of an app ask for. */
export const appFields = {
  name: { schema: name, error: { id: "admin.error_app_name" } },
  redirect_uris: {
    schema: items.pipe(redirectUris.unwrap().min(1)),
    error: { id: "admin.error_redirect_uris" },
  },
  scopes: { schema: items.pipe(scopes), error: { id: "error.scopes" } },
  type: { schema: z.enum(["confidential", "public"]), error: { id: "problem.malformed" } },
} as const;

export const appsPage: AdminPage<AppsView> = {
  path,
  permission: "apps:read",
  template: Apps,
  view: async ({ acting, page }, state) => {
    const before = page.query("before");
    const position = before === undefined ? undefined : readPagePosition(before);
    const status = statusOf(page.query("status"));
    const list = await listApps(acting, { status, page: { limit, ...(position && { before: position }) } });
    return { state, status, ...list };
  },
  forms: [
    {
      name: "register",
      path: `${path}/register`,
      permission: "apps:write",
      problemAt: { INVALID_INPUT: "redirect_uris" },
      problemTexts: { INVALID_INPUT: { id: "admin.error_redirect_uris" } },
      submit: async (request, form) => {
        const { reason, redirect_uris, ...read } = form.read({ ...appFields, reason: fields.reason });
        const { app, clientSecret } = await registerApp(request.acting, {
          app: { ...read, redirectUris: redirect_uris },
          reason,
        });
        return request.page.redirect(addressOfSecret(request, app.clientId, { clientSecret }));
      },
    },
  ],
};

function Apps({ view, frame }: { view: AppsView; frame: AdminFrame }) {
  const { state, apps, status, next } = view;
  return (
    <AdminLayout frame={frame} section={path} title={frame.t("admin.apps")} refused={isRefused(state)}>
      <section class="card stack">
        <div class="row">
          <h2>{frame.say("admin.apps_newest")}</h2>
          <ListFilter
            frame={frame}
            path={path}
            options={appStatuses.map((value) => ({ value, label: frame.t(`admin.app_${value}`) }))}
            value={status}
          />
        </div>
        {apps.length === 0 && <p>{frame.say("admin.apps_none")}</p>}
        <ul class="list">
          {apps.map((app) => (
            <li key={app.clientId}>
              <div class="what stack-s">
                <p>
                  <a href={frame.admin.link(`${path}/${encodeURIComponent(app.clientId)}`)}>
                    <bdi>{app.name}</bdi>
                  </a>{" "}
                  <AppTag frame={frame} status={app.status} />
                </p>
                <p class="small">
                  <code>{app.clientId}</code>
                </p>
              </div>
              <p class="muted small">
                {frame.say("admin.created", { date: <Moment frame={frame} at={app.createdAt} /> })}
              </p>
            </li>
          ))}
        </ul>
        {next && <a href={frame.admin.link(path, { status, before: next })}>{frame.say("activity.older")}</a>}
      </section>
      {frame.admin.may("apps:write") && <Register state={state} frame={frame} />}
    </AdminLayout>
  );
}

function Register({ state, frame }: { state: FormState; frame: AdminFrame }) {
  const shared = { frame, state, form: "register" } as const;
  const types = (["confidential", "public"] as const).map((value) => ({
    value,
    label: frame.t(`admin.app_type_${value}`),
  }));
  const text = { type: "text", autocomplete: "off", required: true } as const;
  return (
    <section class="card">
      <Form frame={frame} name="register" state={state} action={frame.admin.link(`${path}/register`)}>
        <h2>{frame.say("admin.app_register")}</h2>
        <Field
          {...shared}
          {...text}
          name="name"
          label="admin.app_name"
          hint={frame.say("admin.app_name_hint")}
        />
        <Select {...shared} name="type" label="admin.app_type" options={types} value="confidential" />
        <TextArea
          {...shared}
          name="redirect_uris"
          label="admin.redirect_uris"
          hint={frame.say("admin.redirect_uris_hint")}
        />
        <Field {...shared} {...text} name="scopes" label="keys.scopes" value="openid profile email" />
        <ReasonField frame={frame} state={state} form="register" />
        <Submit frame={frame} label="admin.app_register" look="primary" />
      </Form>
    </section>
  );
}

const looks = { active: "good", suspended: "bad", deleted: "calm" } as const;

/** An app's status, in words and colour. */
export function AppTag({ frame, status }: { frame: AdminFrame; status: AppStatus }) {
  return <span class={`tag ${looks[status]}`}>{frame.say(`admin.app_${status}`)}</span>;
}
