import { z } from "zod";
import { GoTo } from "../../pages/serve/define-page.js";
import { ShownOnce } from "../../pages/serve/kept-secret.js";
import { readApp } from "../acts/apps.js";
import type { AdminPage, AdminRequest } from "./parts/define.js";
import type { AdminFrame } from "./parts/frame.js";
import { AdminLayout, Moment } from "./parts/layout.js";

const section = "/apps";

interface AppSecretView {
  readonly name: string;
  readonly clientId: string;
  /** Undefined for an app that has none. */
  readonly clientSecret: string | undefined;
  readonly formerExpiresAt: Date | undefined;
}

const newSecret = new ShownOnce(
  "app-secret",
  z.strictObject({ clientSecret: z.string().optional(), formerExpiresAt: z.coerce.date().optional() }),
);

const pathOf = (clientId: string) => `${section}/${encodeURIComponent(clientId)}`;

/** The page that shows a secret once. */
export function addressOfSecret(
  { page, link }: AdminRequest,
  clientId: string,
  made: { clientSecret?: string | undefined; formerExpiresAt?: Date | undefined },
): string {
  return link(`${pathOf(clientId)}/secret`, newSecret.hand(page, made));
}

export const appSecretPage: AdminPage<AppSecretView> = {
  path: `${section}/:clientId/secret`,
  permission: "apps:write",
  template: AppSecret,
  view: async ({ acting, page, link, parameter }) => {
    const clientId = parameter("clientId");
    const { app } = await readApp(acting, clientId);
    const made = newSecret.take(page);
    if (!made) return new GoTo(link(pathOf(clientId)), { id: "admin.secret_shown_before" });
    const { clientSecret, formerExpiresAt } = made;
    return { name: app.name, clientId, clientSecret, formerExpiresAt };
  },
  forms: [],
};

function AppSecret({ view, frame }: { view: AppSecretView; frame: AdminFrame }) {
  const { name, clientId, clientSecret, formerExpiresAt } = view;
  return (
    <AdminLayout frame={frame} section={section} title={name}>
      <section class="card stack">
        {clientSecret !== undefined && <p class="notice">{frame.say("admin.secret_shown")}</p>}
        <div>
          <p class="label">{frame.say("admin.client_id")}</p>
          <code class="secret">{clientId}</code>
        </div>
        {clientSecret !== undefined && (
          <div>
            <p class="label">{frame.say("admin.client_secret")}</p>
            <code class="secret">{clientSecret}</code>
          </div>
        )}
        {formerExpiresAt && (
          <p>{frame.say("admin.former_until", { date: <Moment frame={frame} at={formerExpiresAt} /> })}</p>
        )}
        <a class="button primary" href={frame.admin.link(pathOf(clientId))}>
          {frame.say("admin.to_app")}
        </a>
      </section>
    </AdminLayout>
  );
}
