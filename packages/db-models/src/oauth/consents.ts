import { Types } from "mongoose";
import { retentionOf } from "../context/retention.js";
import { IdentityError, isDuplicateKey } from "../core/errors.js";
import { parseInput } from "../core/input.js";
import { limits } from "../core/limits.js";
import { canonicalScopes, grantsEveryScope, scopesSchema } from "../core/scopes.js";
import { type Page, queries } from "../queries/queries.js";
import { findByQuery, runQuery } from "../queries/run-query.js";
import type { AppDocument } from "../schemas/app.js";
import type { AppPermissionDocument } from "../schemas/app-permission.js";
import type { IdentityModels } from "../schemas/models.js";
import { assertKnownVersion, currentSchemaVersion } from "../schemas/parts/version.js";
import { endGrants } from "./grants.js";

export interface ConsentInput {
  userId: Types.ObjectId;
  appId: Types.ObjectId;
  /** What the user has just agreed to. */
  scopes: string[];
}

/** Of parallel changes to one consent, one gets through in each round. */
const maxAttempts = 200;

/**
 * Adds to what a user lets an app do. Only this widens a consent, so call it when the user has said yes to exactly
 * these scopes. After a revocation it begins anew: what was revoked does not come back, nor do its tokens.
 *
 * @returns all that the app may do now.
 * @throws IdentityError `APP_NOT_FOUND`; `INVALID_SCOPE` beyond what the app is registered for, or too many;
 * `INVALID_INPUT`; `CONTENTION`.
 */
export async function grantConsent(
  models: IdentityModels,
  input: ConsentInput,
  now: Date,
): Promise<{ scopes: string[] }> {
  const asked = parseInput(scopesSchema, input.scopes);
  await assertWithinApp(models, input.appId, asked);
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const known = await findByQuery(models, queries.permissionOfUserForApp(input.userId, input.appId));
    const scopes = widened(known, asked);
    const written = known ? await widen(models, known, scopes, now) : await begin(models, input, scopes, now);
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
  models: IdentityModels,
  known: AppPermissionDocument,
  scopes: string[],
  now: Date,
): Promise<boolean> {
  const { _id, generation, scopes: former, revokedAt } = known;
  const { matchedCount } = await models.AppPermission.collection.updateOne(
    { _id, generation, scopes: former, revokedAt: revokedAt ?? null },
    { $set: { scopes, grantedAt: now }, $unset: { revokedAt: "", purgeAt: "" } },
  );
  return matchedCount === 1;
}

async function begin(
  models: IdentityModels,
  { userId, appId }: ConsentInput,
  scopes: string[],
  now: Date,
): Promise<boolean> {
  const permission: AppPermissionDocument = {
    _id: new Types.ObjectId(),
    userId,
    appId,
    scopes,
    generation: 0,
    grantedAt: now,
    schemaVersion: currentSchemaVersion,
  };
  try {
    await models.AppPermission.collection.insertOne({ ...permission });
    return true;
  } catch (error) {
    if (isDuplicateKey(error)) return false;
    throw error;
  }
}

/**
 * Takes a consent back. With that one update every code and token under it is dead, those that are being made included,
 * because they are of an older generation; then they are marked so. Taking back what is not there is no error.
 *
 * @returns true when this call took it back.
 */
export async function revokeConsent(
  models: IdentityModels,
  { userId, appId }: { userId: Types.ObjectId; appId: Types.ObjectId },
  now: Date,
): Promise<boolean> {
  const purgeAt = new Date(now.getTime() + retentionOf(models).tokensMs);
  const revoked = await models.AppPermission.collection.findOneAndUpdate(
    { userId, appId, revokedAt: null },
    { $set: { revokedAt: now, purgeAt }, $inc: { generation: 1 } },
    { returnDocument: "after" },
  );
  // Also when it was taken back before, for that call may have stopped half way.
  const permission = revoked ?? (await findByQuery(models, queries.permissionOfUserForApp(userId, appId)));
  if (!permission) return false;
  const older = { userId, appId, permissionGeneration: { $lt: permission.generation } };
  await endGrants(models, older, "permission_revoked", now);
  return revoked !== null;
}

/** A consent as the user who gave it sees it. */
export interface ConsentSummary {
  appId: Types.ObjectId;
  app: Pick<AppDocument, "clientId" | "name" | "status"> & Partial<Pick<AppDocument, "homepage">>;
  scopes: string[];
  grantedAt: Date;
  lastUsedAt?: Date;
}

/** The apps that a user lets do something, the last agreed to first. */
export async function listConsents(
  models: IdentityModels,
  input: { userId: Types.ObjectId; page?: Page },
): Promise<ConsentSummary[]> {
  const consents = await runQuery(models, queries.livePermissionsOfUser(input.userId, input.page));
  const apps = await models.App.collection
    .find(
      { _id: { $in: consents.map(({ appId }) => appId) } },
      { projection: { clientId: 1, name: 1, status: 1, homepage: 1 } },
    )
    .toArray();
  const byId = new Map(apps.map(({ _id, ...app }) => [String(_id), app as unknown as ConsentSummary["app"]]));
  return consents.flatMap(({ appId, scopes, grantedAt, lastUsedAt }) => {
    const app = byId.get(String(appId));
    return app ? [{ appId, app, scopes, grantedAt, ...(lastUsedAt && { lastUsedAt }) }] : [];
  });
}
