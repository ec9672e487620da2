import type {
  ApiKeySummary,
  AppChanges,
  AppDocument,
  AppPermissionDocument,
  AppRegistration,
  AppStatus,
  AppUsageDay,
  RegisteredApp,
  RotatedSecret,
} from "@org/db-models";
import { findByQuery, queries, runQuery, writePagePosition } from "@org/db-models/queries";
import type { Types } from "mongoose";
import { IdentityProblem } from "../../flows/problems.js";
import { lastDays } from "../../routes/schemas/app-usage.js";
import { type Acting, noteRead, protect, recorded } from "../acting.js";
import { accountsOf } from "./administrators.js";
import type { AboutUser } from "./users.js";

type Page = NonNullable<Parameters<typeof queries.appsByStatus>[1]>;

/** An app without the hashes of its secrets. */
export type KnownApp = Omit<AppDocument, "clientSecrets"> & {
  readonly clientSecrets: ReadonlyArray<{ readonly createdAt: Date; readonly expiresAt?: Date }>;
};

const withoutHashes = { "clientSecrets.secretHash": 0 } as const;

/** Apps of a status, the newest first. */
export async function listApps(
  acting: Acting,
  { status, page }: { readonly status: AppStatus; readonly page: Page },
): Promise<{ readonly apps: readonly KnownApp[]; readonly next: string | undefined }> {
  const query = queries.appsByStatus(status, page);
  const apps: KnownApp[] = await runQuery(acting.service.identity.models, query, withoutHashes);
  await noteRead(acting, { action: "admin.apps_listed" });
  const last = apps.length === query.limit ? apps.at(-1) : undefined;
  return { apps, next: last && writePagePosition({ at: last.createdAt, id: last._id }) };
}

/** @throws IdentityProblem `APP_NOT_FOUND` */
async function find({ service }: Acting, clientId: string): Promise<KnownApp> {
  const app = await findByQuery(service.identity.models, queries.appByClientId(clientId), withoutHashes);
  if (!app) throw new IdentityProblem("APP_NOT_FOUND");
  return app;
}

/** An app, with the address of its owner. */
export interface AppDetail {
  readonly app: KnownApp;
  readonly ownerEmail: string | undefined;
}

/** @throws IdentityProblem `APP_NOT_FOUND` */
export async function readApp(acting: Acting, clientId: string): Promise<AppDetail> {
  const app = await find(acting, clientId);
  const owners = await accountsOf(acting, [app.ownerId]);
  await noteRead(acting, { action: "admin.app_read", targetType: "app", targetId: app.clientId });
  return { app, ownerEmail: owners.get(app.ownerId.toHexString())?.email };
}

const shownDays = 30;

/** What an app did in the last thirty days, and today: by day, the newest first. */
export async function readUsage(acting: Acting, clientId: string): Promise<AppUsageDay[]> {
  const app = await find(acting, clientId);
  const { usage, clock } = acting.service.identity;
  await noteRead(acting, { action: "admin.app_usage_read", targetType: "app", targetId: app.clientId });
  return usage.ofApp({ clientId, ...lastDays(shownDays, clock.now()) });
}

/** A user's consent to an app, with their address. */
export type KnownConsent = AppPermissionDocument & { readonly email: string | undefined };

/** Who uses an app: the users who let it do something, the last agreed to first. */
export async function listAppUsers(
  acting: Acting,
  clientId: string,
  page: Page,
): Promise<{ readonly consents: readonly KnownConsent[]; readonly next: string | undefined }> {
  const app = await find(acting, clientId);
  const query = queries.livePermissionsOfApp(app._id, page);
  const consents = await runQuery(acting.service.identity.models, query);
  const users = await accountsOf(
    acting,
    consents.map(({ userId }) => userId),
  );
  await noteRead(acting, { action: "admin.app_users_read", targetType: "app", targetId: app.clientId });
  const last = consents.length === query.limit ? consents.at(-1) : undefined;
  return {
    consents: consents.map((one) => ({ ...one, email: users.get(one.userId.toHexString())?.email })),
    next: last && writePagePosition({ at: last.grantedAt, id: last._id }),
  };
}

/**
 * Registers an app, whose owner the administrator is.
 *
 * @returns its secret with it, here and never again.
 * @throws IdentityError `INVALID_INPUT`
 */
export function registerApp(
  acting: Acting,
  { app, reason }: { readonly app: AppRegistration; readonly reason: string },
): Promise<RegisteredApp> {
  const { service, userId: ownerId } = acting;
  return recorded(acting, { action: "admin.app_registered", reason }, () =>
    service.identity.oauth.registerApp({ ...app, ownerId }),
  );
}

/**
 * Changes the settings of an app; what is left out stays.
 *
 * @returns its secret with it, where it has got its first one: here and never again.
 * @throws IdentityProblem `APP_NOT_FOUND`, also for one that was deleted; IdentityError `INVALID_INPUT`, `CONTENTION`.
 */
export async function updateApp(
  acting: Acting,
  {
    clientId,
    changes,
    reason,
  }: { readonly clientId: string; readonly changes: AppChanges; readonly reason: string },
): Promise<RegisteredApp> {
  const app = await find(acting, clientId);
  const details = { changed: Object.keys(changes).sort().join(" ") };
  const target = { targetType: "app", targetId: app.clientId, details };
  return recorded(acting, { action: "admin.app_changed", reason, ...target }, () =>
    acting.service.identity.oauth.updateApp({ clientId, changes }),
  );
}

/** @throws IdentityProblem `APP_NOT_FOUND`, also for one that was deleted. */
export async function setAppStatus(
  acting: Acting,
  {
    clientId,
    status,
    reason,
  }: { readonly clientId: string; readonly status: AppStatus; readonly reason: string },
): Promise<void> {
  const app = await find(acting, clientId);
  const target = { targetType: "app", targetId: app.clientId, details: { status } };
  await recorded(acting, { action: "admin.app_status_set", reason, ...target }, () =>
    acting.service.identity.oauth.setAppStatus({ clientId, status }),
  );
}

/**
 * Gives a confidential app another secret; the one before stays good for a while.
 *
 * @throws IdentityProblem `APP_NOT_FOUND`; IdentityError `APP_HAS_NO_SECRET` for one that authenticates with its own keys.
 */
export async function rotateSecret(
  acting: Acting,
  {
    clientId,
    overlapMs,
    reason,
  }: { readonly clientId: string; readonly overlapMs: number | undefined; readonly reason: string },
): Promise<RotatedSecret> {
  const app = await find(acting, clientId);
  const target = { targetType: "app", targetId: app.clientId };
  const rotation = { ownerId: app.ownerId, clientId, ...(overlapMs !== undefined && { overlapMs }) };
  return recorded(acting, { action: "admin.app_secret_rotated", reason, ...target }, () =>
    acting.service.identity.oauth.rotateClientSecret(rotation),
  );
}

/** Takes back what a user lets an app do: its tokens end. */
export async function endConsent(
  acting: Acting,
  { userId, clientId, reason }: AboutUser & { readonly clientId: string },
): Promise<void> {
  await protect(acting, userId);
  const app = await find(acting, clientId);
  const target = { targetType: "app", targetId: app.clientId };
  await recorded(acting, { action: "admin.consent_ended", subjectId: userId, reason, ...target }, () =>
    acting.service.identity.oauth.revokeConsent({ userId, appId: app._id }),
  );
}

/** The live API keys of a user, the newest first. */
export async function listApiKeys(
  acting: Acting,
  userId: Types.ObjectId,
  page: Page & { readonly limit: number },
): Promise<{ readonly apiKeys: readonly ApiKeySummary[]; readonly next: string | undefined }> {
  const apiKeys = await acting.service.identity.apiKeys.list({ userId, page });
  await noteRead(acting, { action: "admin.api_keys_read", subjectId: userId });
  const last = apiKeys.length === page.limit ? apiKeys.at(-1) : undefined;
  return { apiKeys, next: last && writePagePosition({ at: last.createdAt, id: last.id }) };
}

/** @throws IdentityProblem `PROTECTED_ACCOUNT`, `API_KEY_NOT_FOUND`. */
export async function endApiKey(
  acting: Acting,
  { userId, keyId, reason }: AboutUser & { readonly keyId: Types.ObjectId },
): Promise<void> {
  await protect(acting, userId);
  const target = { targetType: "api_key", targetId: keyId.toHexString() };
  await recorded(
    acting,
    { action: "admin.api_key_ended", subjectId: userId, reason, ...target },
    async () => {
      const ended = await acting.service.identity.apiKeys.revoke({ userId, keyId });
      if (!ended) throw new IdentityProblem("API_KEY_NOT_FOUND");
    },
  );
}
