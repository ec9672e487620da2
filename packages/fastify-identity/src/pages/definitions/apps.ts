import { queries, runQuery, writePagePosition } from "@org/db-models/queries";
import { endConsent } from "../../flows/account/consents.js";
import { sessionOf } from "../../http/guards/identity-of.js";
import { requesterOf } from "../../http/requests.js";
import type { PageDefinition } from "../serve/define-page.js";
import { positionOf } from "./api-keys.js";

const path = "/apps";
const limit = 50;

/** What somebody lets apps do, and how to take it back (ASVS 5 section 10.7.3). */
export const appsPage: PageDefinition<"apps"> = {
  name: "apps",
  path,
  access: "session",
  view: async (page, state) => {
    const { userId } = sessionOf(page.request);
    const { models, oauth, policies } = page.site.service.identity;
    const before = positionOf(page);
    const wanted = { limit, ...(before && { before }) };
    const [consents, owned] = await Promise.all([
      oauth.listConsents({ userId, page: wanted }),
      runQuery(models, queries.appsOfOwner(userId, { limit: 1 }), { _id: 1 }),
    ]);
    const last = consents.length === limit ? consents.at(-1) : undefined;
    return {
      state,
      apps: consents.map(({ app, scopes, grantedAt, lastUsedAt }) => ({
        clientId: app.clientId,
        name: app.name,
        homepage: app.homepage,
        isActive: app.status === "active",
        scopes,
        grantedAt,
        lastUsedAt,
      })),
      ownsApps: owned.length > 0,
      days: Math.round(policies.oauth.refreshLifetimeMs / 86_400_000),
      next: last && writePagePosition({ at: last.grantedAt, id: last.id }),
      isFirst: before === undefined,
    };
  },
  forms: [
    {
      name: "end",
      path: `${path}/end`,
      submit: async (page, form) => {
        const { service } = page.site;
        const { userId } = sessionOf(page.request);
        const clientId = form.text("client_id");
        // A consent that was taken back before, in another tab, is gone as it should be.
        await endConsent(service, requesterOf(service, page.request), { userId, clientId });
        return page.redirect(page.link(path), { id: "apps.ended" });
      },
    },
  ],
};
