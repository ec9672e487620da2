import type { Types } from "mongoose";
import { z } from "zod";
import type { Context } from "../context/context.js";
import { IdentityError } from "../core/errors.js";
import { parseInput } from "../core/input.js";
import { mintToken } from "../core/secrets.js";
import { queries } from "../queries/queries.js";
import { findByQuery } from "../queries/run-query.js";
import { mergePatch } from "../queries/update.js";
import type { AppDocument } from "../schemas/app.js";
import { assertKnownVersion } from "../schemas/parts/version.js";
import {
  appFields,
  appNotFound,
  appRegistrationSchema,
  hasSecret,
  type PublicApp,
  type RegisteredApp,
  secretOf,
  storedSettings,
} from "./apps.js";

const { type: _fixed, name, redirectUris, grantTypes, scopes, ...optional } = appFields;

/** What changes of an app; what is left out stays, and null takes an optional setting away (RFC 7396). */
export const appChangesSchema = z.strictObject({
  name: name.optional(),
  redirectUris: redirectUris.unwrap().optional(),
  grantTypes: grantTypes.unwrap().optional(),
  scopes: scopes.optional(),
  ...nullable(optional),
});

type Nullable<T extends Record<string, z.ZodOptional>> = {
  [Name in keyof T]: z.ZodOptional<z.ZodNullable<T[Name]>>;
};

function nullable<T extends Record<string, z.ZodOptional>>(shape: T): Nullable<T> {
  return Object.fromEntries(
    Object.entries(shape).map(([field, schema]) => [field, schema.nullable().optional()]),
  ) as Nullable<T>;
}

export type AppChanges = z.input<typeof appChangesSchema>;

export interface AppUpdate {
  clientId: string;
  /** Only an app of this owner. */
  ownerId?: Types.ObjectId;
  changes: AppChanges;
}

/** Settings that are judged together: what was read of them must still be so. */
const judgedTogether = [
  "redirectUris",
  "grantTypes",
  "clientAuthentication",
  "publicKeys",
  "postLogoutRedirectUris",
] as const satisfies ReadonlyArray<keyof AppDocument>;

const maxAttempts = 20;

export async function updateApp(context: Context, input: AppUpdate): Promise<RegisteredApp> {
  const changes = parseInput(appChangesSchema, input.changes);
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const updated = await tryUpdate(context, input, changes);
    if (updated) return updated;
  }
  throw new IdentityError("CONTENTION", "the app is being changed over and over");
}

async function tryUpdate(
  { models, now }: Context,
  { clientId, ownerId }: AppUpdate,
  changes: z.output<typeof appChangesSchema>,
): Promise<RegisteredApp | undefined> {
  const read = await findByQuery(models, queries.appByClientId(String(clientId)));
  if (!read || read.status === "deleted" || (ownerId && !read.ownerId.equals(ownerId))) throw appNotFound();
  assertKnownVersion(read);
  const { clientSecrets, ...before } = read;
  // The whole must be what could be registered.
  const whole = parseInput(appRegistrationSchema, withoutNull({ ...registrationOf(before), ...changes }));
  const after = storedSettings(whole);
  const secret = hasSecret(after) && clientSecrets.length === 0 ? mintToken("clientSecret").raw : undefined;
  const secrets = hasSecret(after) ? secret && [secretOf(secret, now)] : [];
  const { $set, ...gone } = mergePatch(storedSettings(changes));
  const { matchedCount } = await models.App.collection.updateOne(
    { _id: read._id, status: { $ne: "deleted" }, ...unchanged(before) },
    { $set: { ...$set, updatedAt: now, ...(secrets && { clientSecrets: secrets }) }, ...gone },
  );
  if (matchedCount === 0) return undefined;
  const kept = Object.fromEntries(Object.entries(before).filter(([field]) => !(field in appFields)));
  const app = { ...kept, ...after, updatedAt: now } as PublicApp;
  return { app, ...(secret && { clientSecret: secret }) };
}

function unchanged(app: Partial<AppDocument>) {
  return Object.fromEntries(judgedTogether.map((field) => [field, app[field] ?? null]));
}

/** What an app was registered with. */
function registrationOf({ publicKeys, ...app }: PublicApp): Record<string, unknown> {
  const settings = Object.entries(app).filter(([field]) => field in appFields);
  const keys = publicKeys && { publicKeys: publicKeys.map((jwk) => JSON.parse(jwk)) };
  return { ...Object.fromEntries(settings), ...keys };
}

function withoutNull(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== null && value !== undefined),
  );
}
