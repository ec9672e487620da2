import { findByQuery, queries, runQuery, writePagePosition } from "@org/db-models/queries";
import { IdentityProblem } from "../../flows/problems.js";
import { sessionOf } from "../../http/guards/identity-of.js";
import { lastDays } from "../../routes/schemas/app-usage.js";
import type { PageDefinition } from "../serve/define-page.js";
import { positionOf } from "./api-keys.js";

const path = "/apps/own";
const limit = 50;
const days = 30;

/** The apps that somebody owns, the newest first. */
export const ownAppsPage: PageDefinition<"ownApps"> = {
  name: "ownApps",
  path,
  access: "session",
  view: async (page) => {
    const { userId } = sessionOf(page.request);
    const before = positionOf(page);
    const query = queries.appsOfOwner(userId, { limit, ...(before && { before }) });
    const fields = { clientId: 1, name: 1, status: 1, createdAt: 1 } as const;
    const apps = await runQuery(page.site.service.identity.models, query, fields);
    const last = apps.length === limit ? apps.at(-1) : undefined;
    return {
      apps: apps.map(({ clientId, name, status, createdAt }) => ({
        clientId,
        name,
        isActive: status === "active",
        createdAt,
      })),
      next: last && writePagePosition({ at: last.createdAt, id: last._id }),
      isFirst: before === undefined,
    };
  },
  forms: [],
};

/** What one of them did in the last thirty days. */
export const appUsagePage: PageDefinition<"appUsage"> = {
  name: "appUsage",
  path: `${path}/usage`,
  access: "session",
  view: async (page) => {
    const { identity, clock } = page.site.service;
    const now = clock.now();
    const clientId = page.query("client_id") ?? "";
    const fields = { ownerId: 1, name: 1 } as const;
    const found = await findByQuery(identity.models, queries.appByClientId(clientId), fields);
    if (!found?.ownerId.equals(sessionOf(page.request).userId)) throw new IdentityProblem("APP_NOT_FOUND");
    return {
      name: found.name,
      clientId,
      days: await identity.usage.ofApp({ clientId, ...lastDays(days, now) }),
      now,
    };
  },
  forms: [],
};
