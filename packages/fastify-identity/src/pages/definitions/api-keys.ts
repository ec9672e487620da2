import type { ApiKeySummary } from "@org/db-models";
import { readPagePosition, writePagePosition } from "@org/db-models/queries";
import { z } from "zod";
import { audit, byOwner } from "../../flows/audit.js";
import { IdentityProblem } from "../../flows/problems.js";
import { sessionOf } from "../../http/guards/identity-of.js";
import { requesterOf } from "../../http/requests.js";
import type { Page } from "../page.js";
import { GoTo, type PageDefinition } from "../serve/define-page.js";
import { fields } from "../serve/fields.js";
import { ShownOnce } from "../serve/kept-secret.js";
import type { ApiKeyView } from "../views.js";

const path = "/api-keys";
const shownPath = `${path}/shown`;
const limit = 50;

const newKey = new ShownOnce(
  "api-key",
  z.strictObject({ name: z.string(), key: z.string(), formerExpiresAt: z.coerce.date().optional() }),
);

/** A key that was just made. */
export const apiKeyShownPage: PageDefinition<"apiKeyShown"> = {
  name: "apiKeyShown",
  path: shownPath,
  access: "session",
  view: async (page) => {
    const made = newKey.take(page);
    if (!made) return new GoTo(page.link(path), { id: "keys.shown_before" });
    return { name: made.name, key: made.key, formerExpiresAt: made.formerExpiresAt };
  },
  forms: [],
};

export const apiKeysPage: PageDefinition<"apiKeys"> = {
  name: "apiKeys",
  path,
  access: "session",
  view: async (page, state) => {
    const { userId } = sessionOf(page.request);
    const before = positionOf(page);
    const wanted = { limit, ...(before && { before }) };
    const keys = await page.site.service.identity.apiKeys.list({ userId, page: wanted });
    const last = keys.length === limit ? keys.at(-1) : undefined;
    const next = last && writePagePosition({ at: last.createdAt, id: last.id });
    return { state, keys: keys.map(viewOf), next };
  },
  forms: [
    {
      name: "create",
      submit: async (page, form) => {
        const { name, scopes, lifetime } = form.read({
          name: fields.keyName,
          scopes: fields.scopes,
          lifetime: fields.keyLifetime,
        });
        const { service } = page.site;
        const { apiKeys } = service.identity;
        const { userId, id: sessionId } = sessionOf(page.request);
        const input = {
          userId,
          sessionId,
          name,
          scopes,
          ...(lifetime !== undefined && { lifetimeMs: lifetime }),
        };
        const created = await apiKeys.create(input);
        try {
          await audit(service, requesterOf(service, page.request), byOwner(userId, "api_key.created"));
        } catch (error) {
          await apiKeys.revoke({ userId, keyId: created.apiKey.id });
          throw error;
        }
        const { key } = created;
        return page.redirect(page.link(shownPath, newKey.hand(page, { name: created.apiKey.name, key })));
      },
    },
    {
      name: "rotate",
      path: `${path}/rotate`,
      submit: async (page, form) => {
        const { id: keyId } = form.read({ id: fields.id });
        const { service } = page.site;
        const { userId, id: sessionId } = sessionOf(page.request);
        const rotation = { userId, sessionId, keyId };
        const { apiKey, key, formerExpiresAt } = await service.identity.apiKeys.rotate(rotation);
        await audit(service, requesterOf(service, page.request), byOwner(userId, "api_key.rotated"));
        return page.redirect(
          page.link(shownPath, newKey.hand(page, { name: apiKey.name, key, formerExpiresAt })),
        );
      },
    },
    {
      name: "revoke",
      path: `${path}/revoke`,
      submit: async (page, form) => {
        const { id: keyId } = form.read({ id: fields.id });
        const { service } = page.site;
        const { userId } = sessionOf(page.request);
        if (!(await service.identity.apiKeys.revoke({ userId, keyId }))) {
          throw new IdentityProblem("API_KEY_NOT_FOUND");
        }
        await audit(service, requesterOf(service, page.request), byOwner(userId, "api_key.revoked"));
        return page.redirect(page.link(path), { id: "keys.revoked" });
      },
    },
  ],
};

/** Where a list goes on; the begin for anything that is no place in it. */
export function positionOf(page: Page): ReturnType<typeof readPagePosition> | undefined {
  try {
    return readPagePosition(page.query("before") ?? "");
  } catch {
    return undefined;
  }
}

function viewOf(key: ApiKeySummary): ApiKeyView {
  const { id, name, start, scopes, usage, createdAt, lastUsedAt, expiresAt, formerExpiresAt } = key;
  const requests = usage.requests;
  return {
    id: id.toHexString(),
    name,
    start,
    scopes,
    requests,
    createdAt,
    lastUsedAt,
    expiresAt,
    formerExpiresAt,
  };
}
