import { Types } from "mongoose";
import type { Context } from "../context/context.js";
import { IdentityError } from "../core/errors.js";
import { parseInput } from "../core/input.js";
import { limits } from "../core/limits.js";
import { canonicalScopes, grantsEveryScope, scopesSchema } from "../core/scopes.js";
import { type Page, queries } from "../queries/queries.js";
import { findByQuery, runQuery } from "../queries/run-query.js";
import { isFirst } from "../queries/update.js";
import type { AppDocument } from "../schemas/app.js";
import type { AppPermissionDocument } from "../schemas/app-permission.js";
import type { IdentityModels } from "../schemas/models.js";
import { assertKnownVersion, currentSchemaVersion } from "../schemas/parts/version.js";
import { endGrants } from "./grants.js";

export interface ConsentInput {
  userId: Types.ObjectId;
  appId: Types.ObjectId;
  /** The scopes that the user has just agreed to. */
  scopes: string[];
  /** The session in which they did: a report of it as somebody else's takes the consent back. */
  sessionId?: Types.ObjectId;
}

/** Of parallel changes to one consent, one gets through in each round. */
const maxAttempts = 200;

export async function grantConsent(context: Context, input: ConsentInput): Promise<{ scopes: string[] }> {
  const { models } = context;
  const asked = parseInput(scopesSchema, input.scopes);
  await assertWithinApp(models, input.appId, asked);
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const known = await findByQuery(models, queries.permissionOfUserForApp(input.userId, input.appId));
    const scopes = widened(known, asked);
    const written = known
      ? await widen(context, known, scopes, input.sessionId)
      : await begin(context, input, scopes);
    if (written) return { scopes };
  }
  throw new IdentityError("CONTENTION", "the consent is being changed over and over");
}

async function assertWithinApp(models: IdentityModels, appId: Types.ObjectId, asked: string[]) {
  const app = await models.App.collection.findOne(
    { _id: appId, status: "active" },
    { projection: { scopes: 1 } },
  );
  if (!app) throw new IdentityError("APP_NOT_FOUND", "there is no such app");
  if (!grantsEveryScope(app.scopes as string[], asked)) {
    throw new IdentityError("INVALID_SCOPE", "the app is not registered for these scopes");
  }
}

function widened(known: AppPermissionDocument | undefined, asked: string[]): string[] {
  if (known) assertKnownVersion(known);
  const scopes = canonicalScopes([...(known && !known.revokedAt ? known.scopes : []), ...asked]);
  if (scopes.length <= limits.scopes) return scopes;
  throw new IdentityError("INVALID_SCOPE", `a consent has at most ${limits.scopes} scopes`);
}

// The filter names the state that the new scopes were made from.
async function widen(
  context: Context,
  known: AppPermissionDocument,
  scopes: string[],
  sessionId?: Types.ObjectId,
): Promise<boolean> {
  const { models, now } = context;
  const { _id, generation, scopes: former, revokedAt } = known;
  const { matchedCount } = await models.AppPermission.collection.updateOne(
    { _id, generation, scopes: former, revokedAt: revokedAt ?? null },
    {
      $set: { scopes, grantedAt: now, ...(sessionId && { addedInSession: sessionId }) },
      $unset: { revokedAt: "", purgeAt: "" },
    },
  );
  return matchedCount === 1;
}

async function begin(
  context: Context,
  { userId, appId, sessionId }: ConsentInput,
  scopes: string[],
): Promise<boolean> {
  const { models, now } = context;
  const permission: AppPermissionDocument = {
    _id: new Types.ObjectId(),
    userId,
    appId,
    scopes,
    generation: 0,
    grantedAt: now,
    ...(sessionId && { addedInSession: sessionId }),
    schemaVersion: currentSchemaVersion,
  };
  return isFirst(models.AppPermission, permission);
}

export async function revokeConsent(
  context: Context,
  { userId, appId }: { userId: Types.ObjectId; appId: Types.ObjectId },
): Promise<boolean> {
  const { models, now } = context;
  const purgeAt = new Date(now.getTime() + context.policies.retention.tokensMs);
  const revoked = await models.AppPermission.collection.findOneAndUpdate(
    { userId, appId, revokedAt: null },
    { $set: { revokedAt: now, purgeAt }, $inc: { generation: 1 } },
    { returnDocument: "after" },
  );
  // Also when it was taken back before, for that call may have stopped half way.
  const permission = revoked ?? (await findByQuery(models, queries.permissionOfUserForApp(userId, appId)));
  if (!permission) return false;
  const older = { ownerId: userId, appId, permissionGeneration: { $lt: permission.generation } };
  await endGrants(context, older, "permission_revoked");
  return revoked !== null;
}

/** A consent as the user who gave it sees it. */
export interface ConsentSummary {
  id: Types.ObjectId;
  appId: Types.ObjectId;
  app: Pick<AppDocument, "clientId" | "name" | "status"> & Partial<Pick<AppDocument, "homepage">>;
  scopes: string[];
  grantedAt: Date;
  /** The last sign-in or refresh of the app, to the hour. */
  lastUsedAt?: Date;
}

export async function listConsents(
  context: Context,
  input: { userId: Types.ObjectId; page?: Page },
): Promise<ConsentSummary[]> {
  const found: ConsentSummary[] = [];
  let page = input.page;
  for (;;) {
    const query = queries.livePermissionsOfUser(input.userId, page);
    const consents = await runQuery(context.models, query);
    found.push(...(await withApps(context, consents)));
    const last = consents.at(-1);
    const { limit = Number.POSITIVE_INFINITY } = query;
    // Those whose app is purged are left out: in their place come older ones, so that a short list is the last.
    if (!last || consents.length < limit || found.length >= limit) return found.slice(0, limit);
    page = { ...page, before: { at: last.grantedAt, id: last._id } };
  }
}

async function withApps(
  { models }: Context,
  consents: readonly AppPermissionDocument[],
): Promise<ConsentSummary[]> {
  const apps = await models.App.collection
    .find<ConsentSummary["app"] & { _id: Types.ObjectId }>(
      { _id: { $in: consents.map(({ appId }) => appId) } },
      { projection: { clientId: 1, name: 1, status: 1, homepage: 1 } },
    )
    .toArray();
  const byId = new Map(apps.map(({ _id, ...app }) => [String(_id), app]));
  return consents.flatMap(({ _id: id, appId, scopes, grantedAt, lastUsedAt }) => {
    const app = byId.get(String(appId));
    return app ? [{ id, appId, app, scopes, grantedAt, ...(lastUsedAt && { lastUsedAt }) }] : [];
  });
}
