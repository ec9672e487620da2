import type { Types } from "mongoose";
import { z } from "zod";
import type { Context } from "../context/context.js";
import { IdentityError } from "../core/errors.js";
import { parseInput } from "../core/input.js";
import { mintToken } from "../core/secrets.js";
import { queries } from "../queries/queries.js";
import { findByQuery } from "../queries/run-query.js";
import type { AppDocument } from "../schemas/app.js";
import { assertKnownVersion } from "../schemas/parts/version.js";
import {
  appFields,
  appNotFound,
  appRegistrationSchema,
  hasSecret,
  type RegisteredApp,
  secretOf,
  withoutAbsent,
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

const registered = Object.keys(appFields) as Array<keyof typeof appFields>;
const maxAttempts = 20;

export async function updateApp(context: Context, input: AppUpdate): Promise<RegisteredApp> {
  const changes = withoutAbsent(parseInput(appChangesSchema, input.changes)) as Changes;
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const updated = await tryUpdate(context, input, changes);
    if (updated) return updated;
  }
  throw new IdentityError("CONTENTION", "the app is being changed over and over");
}

type Changes = Partial<Record<keyof typeof appFields, unknown>>;

async function tryUpdate(
  { models, now }: Context,
  { clientId, ownerId }: AppUpdate,
  changes: Changes,
): Promise<RegisteredApp | undefined> {
  const read = await findByQuery(models, queries.appByClientId(String(clientId)));
  if (!read || read.status === "deleted" || (ownerId && !read.ownerId.equals(ownerId))) throw appNotFound();
  assertKnownVersion(read);
  const { clientSecrets, ...before } = read;
  const after = { ...before, ...changes, updatedAt: now } as typeof before;
  check(after);
  const secret = hasSecret(after) && clientSecrets.length === 0 ? mintToken("clientSecret").raw : undefined;
  const secrets = hasSecret(after) ? secret && [secretOf(secret, now)] : [];
  const gone = Object.entries(changes).flatMap(([field, value]) => (value === null ? [[field, 1]] : []));
  const set = Object.entries(changes).filter(([, value]) => value !== null);
  const { matchedCount } = await models.App.collection.updateOne(
    { _id: read._id, status: { $ne: "deleted" }, ...unchanged(before) },
    {
      $set: { ...Object.fromEntries(set), updatedAt: now, ...(secrets && { clientSecrets: secrets }) },
      ...(gone.length > 0 && { $unset: Object.fromEntries(gone) }),
    },
  );
  if (matchedCount === 0) return undefined;
  const app = Object.fromEntries(Object.entries(after).filter(([, value]) => value !== null));
  return { app: app as typeof before, ...(secret && { clientSecret: secret }) };
}

function unchanged(app: Partial<AppDocument>) {
  return Object.fromEntries(judgedTogether.map((field) => [field, app[field] ?? null]));
}

/** The whole must be what could be registered. */
function check(app: Partial<AppDocument>): void {
  const whole = Object.fromEntries(
    registered.flatMap((field) => {
      const value = app[field];
      if (value === undefined || value === null) return [];
      return [[field, field === "publicKeys" ? (value as string[]).map((jwk) => JSON.parse(jwk)) : value]];
    }),
  );
  parseInput(appRegistrationSchema, whole);
}
