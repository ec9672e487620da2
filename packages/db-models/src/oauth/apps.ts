import { randomUUID } from "node:crypto";
import { Types } from "mongoose";
import { z } from "zod";
import type { Context } from "../context/context.js";
import { IdentityError } from "../core/errors.js";
import { idSchema, parseInput, plainlyPrintable, printable } from "../core/input.js";
import { duration, limits } from "../core/limits.js";
import { scopesSchema } from "../core/scopes.js";
import { mintToken, sha256 } from "../core/secrets.js";
import { type Page, queries } from "../queries/queries.js";
import { runQuery } from "../queries/run-query.js";
import {
  type AppDocument,
  type AppStatus,
  type ClientSecret,
  clientTypes,
  grantTypes,
} from "../schemas/app.js";
import type { IdentityModels } from "../schemas/models.js";
import { assertKnownVersion, currentSchemaVersion } from "../schemas/parts/version.js";
import { clientSettings, faultsOf } from "./client-settings.js";

/** What an app is registered with; each may be changed later, but for its type. */
export const appFields = {
  name: plainlyPrintable(limits.name).describe("What users read when they are asked for consent"),
  description: printable(limits.description).optional(),
  homepage: z
    .url({ protocol: /^https?$/ })
    .max(limits.uri)
    .optional(),
  type: z
    .enum(clientTypes)
    .describe("`confidential` for a server that keeps a secret, `public` for all else"),
  redirectUris: z
    .array(z.string().max(limits.uri))
    .max(limits.redirectUris)
    .default([])
    .describe(
      "https, http to the device itself, or a private-use scheme; no fragment; compared exactly, but for the port of a loopback address",
    ),
  grantTypes: z
    .array(z.enum(grantTypes))
    .min(1)
    .max(grantTypes.length)
    .default(["authorization_code", "refresh_token"]),
  scopes: scopesSchema.refine((scopes) => scopes.length > 0, "must not be empty").meta({ minItems: 1 }),
  ...clientSettings,
} as const;

/** An app as its owner registers it. */
export const appRegistrationSchema = z
  .strictObject(appFields)
  .superRefine((app, context) => {
    for (const { path, message } of faultsOf(app)) context.addIssue({ code: "custom", message, path });
  })
  // Which members go together, for programs that read the JSON Schema: a public app, one with a secret, one with a key.
  .meta({
    oneOf: [
      {
        properties: {
          type: { const: "public" },
          requiresPkce: { const: true },
          grantTypes: { not: { contains: { const: "client_credentials" } } },
        },
        not: { anyOf: [{ required: ["clientAuthentication"] }, { required: ["publicKeys"] }] },
      },
      {
        properties: {
          type: { const: "confidential" },
          clientAuthentication: { enum: ["client_secret_basic", "client_secret_post"] },
        },
        not: { required: ["publicKeys"] },
      },
      {
        properties: {
          type: { const: "confidential" },
          clientAuthentication: { const: "private_key_jwt" },
        },
        required: ["clientAuthentication", "publicKeys"],
      },
    ],
  });

export type AppRegistration = z.input<typeof appRegistrationSchema>;

/** An app without its secrets. */
export type PublicApp = Omit<AppDocument, "clientSecrets">;

export interface RegisteredApp {
  app: PublicApp;
  /** Of a confidential client: here and never again. */
  clientSecret?: string;
}

export async function registerApp(
  context: Context,
  input: AppRegistration & { ownerId: Types.ObjectId },
): Promise<RegisteredApp> {
  const { models, now } = context;
  const { ownerId: owner, ...registration } = input;
  const { ownerId } = parseInput(z.object({ ownerId: idSchema }), { ownerId: owner });
  const given = storedSettings(parseInput(appRegistrationSchema, registration));
  const app: PublicApp = {
    _id: new Types.ObjectId(),
    clientId: randomUUID(),
    ownerId,
    ...given,
    status: "active",
    createdAt: now,
    updatedAt: now,
    schemaVersion: currentSchemaVersion,
  };
  const secret = hasSecret(app) ? mintToken("clientSecret").raw : undefined;
  const clientSecrets = secret ? [secretOf(secret, now)] : [];
  await models.App.collection.insertOne({ ...app, clientSecrets });
  return { app, ...(secret && { clientSecret: secret }) };
}

/** Whether it authenticates with a secret. */
export function hasSecret({
  type,
  clientAuthentication,
}: Pick<AppDocument, "type" | "clientAuthentication">): boolean {
  return type === "confidential" && clientAuthentication !== "private_key_jwt";
}

export function secretOf(secret: string, createdAt: Date): ClientSecret {
  return { secretHash: sha256(secret), createdAt };
}

/** Settings as the document has them: a public key is the JSON of its JWK, and what was left out is no field. */
export function storedSettings<T extends { publicKeys?: object[] | null | undefined }>(parsed: T): Stored<T> {
  const { publicKeys } = parsed;
  const stored = { ...parsed, publicKeys: publicKeys?.map((jwk) => JSON.stringify(jwk)) ?? publicKeys };
  return Object.fromEntries(Object.entries(stored).filter(([, value]) => value !== undefined)) as Stored<T>;
}

type Stored<T> = { [Name in keyof Omit<T, "publicKeys">]: Exclude<T[Name], undefined> } & {
  publicKeys?: string[];
};

export function listApps(
  context: Context,
  input: { ownerId: Types.ObjectId; page?: Page },
): Promise<PublicApp[]> {
  const { models } = context;
  return runQuery(models, queries.appsOfOwner(input.ownerId, input.page), { clientSecrets: 0 });
}

export interface SecretRotation {
  ownerId: Types.ObjectId;
  clientId: string;
  /** Milliseconds for which the secret before stays good; 0 ends it at once. Default one day, at most 30. */
  overlapMs?: number;
}

export interface RotatedSecret {
  /** Here and never again. */
  clientSecret: string;
  /** When the secret before ends. */
  formerExpiresAt: Date;
}

const overlapSchema = z
  .int()
  .min(0)
  .max(30 * duration.day)
  .default(duration.day);
/** Of parallel rotations one gets through in each round. */
const maxAttempts = 200;

export async function rotateClientSecret(context: Context, input: SecretRotation): Promise<RotatedSecret> {
  const { models, now } = context;
  const formerExpiresAt = new Date(now.getTime() + parseInput(overlapSchema, input.overlapMs));
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const app = await readOwnApp(models, input);
    const former = app.clientSecrets[0];
    if (!former) throw new IdentityError("APP_HAS_NO_SECRET", "the app authenticates with its own keys");
    const clientSecret = await replaceSecret(context, app, { ...former, expiresAt: formerExpiresAt });
    if (clientSecret) return { clientSecret, formerExpiresAt };
  }
  throw new IdentityError("CONTENTION", "the secret is being rotated over and over");
}

async function readOwnApp(
  models: IdentityModels,
  { ownerId, clientId }: { ownerId: Types.ObjectId; clientId: string },
): Promise<AppDocument> {
  const { filter } = queries.appByClientId(String(clientId));
  const own = { ...(filter as object), ownerId, type: "confidential", status: { $ne: "deleted" } };
  const app = (await models.App.collection.findOne(own)) as AppDocument | null;
  if (!app) throw appNotFound();
  assertKnownVersion(app);
  return app;
}

// The filter names the secret that this rotation saw, so that of two only one replaces it.
async function replaceSecret(
  context: Context,
  { _id }: AppDocument,
  former: ClientSecret,
): Promise<string | undefined> {
  const { models, now } = context;
  const secret = mintToken("clientSecret").raw;
  const newest = secretOf(secret, now);
  const { matchedCount } = await models.App.collection.updateOne(
    { _id, "clientSecrets.0.secretHash": former.secretHash },
    { $set: { clientSecrets: [newest, former], updatedAt: now } },
  );
  return matchedCount === 1 ? secret : undefined;
}

export async function setAppStatus(
  context: Context,
  input: { clientId: string; status: AppStatus; ownerId?: Types.ObjectId },
): Promise<void> {
  const { models, now } = context;
  const { clientId, status, ownerId } = input;
  const purgeAt = new Date(now.getTime() + context.policies.retention.tokensMs);
  const app = await models.App.collection.findOneAndUpdate(
    { clientId: String(clientId), status: { $ne: "deleted" }, ...(ownerId && { ownerId }) },
    { $set: { status, updatedAt: now, ...(status === "deleted" && { purgeAt }) } },
    { projection: { _id: 1 } },
  );
  if (!app) throw appNotFound();
  if (status !== "deleted") return;
  await models.AppPermission.collection.updateMany(
    { appId: app._id, revokedAt: null },
    { $set: { revokedAt: now, purgeAt }, $inc: { generation: 1 } },
  );
}

export function appNotFound(): IdentityError {
  return new IdentityError("APP_NOT_FOUND", "there is no such app");
}
