import { type AppStatus, appChangesSchema, appRegistrationSchema } from "@org/db-models";
import { duration } from "@org/db-models/core";
import { z } from "zod";
import { clientIdInput, idInput, idOutput, limitInput, pageInput } from "../../http/answers/schemas.js";
import { reason } from "./schemas.js";

const statuses = {
  active: "active",
  suspended: "suspended",
  deleted: "deleted",
} as const satisfies { [Status in AppStatus]: Status };

export const appParams = z.strictObject({ clientId: clientIdInput });

export const appsQuery = z.strictObject({
  status: z.enum(statuses).default("active"),
  limit: limitInput,
  before: pageInput.optional(),
});

export const pageQuery = z.strictObject({ limit: limitInput, before: pageInput.optional() });

const next = z.string().nullable().describe("`before` of the next page; null at the end");

const app = z
  .object({
    clientId: z.string(),
    name: z.string(),
    description: z.string().optional(),
    homepage: z.string().optional(),
    ownerId: idOutput,
    type: z.string(),
    status: z.string(),
    redirectUris: z.array(z.string()),
    grantTypes: z.array(z.string()),
    scopes: z.array(z.string()),
    clientAuthentication: z
      .string()
      .optional()
      .describe("Absent: with a secret, by the header or in the body"),
    publicKeys: z.array(z.string()).optional().describe("JWKs of private_key_jwt, in JSON"),
    accessTokenFormat: z.string().optional().describe("Absent: opaque"),
    idTokenAlgorithm: z.string().optional().describe("Absent: RS256"),
    resources: z.array(z.string()).optional(),
    serves: z.array(z.string()).optional(),
    origins: z.array(z.string()).optional(),
    postLogoutRedirectUris: z.array(z.string()).optional(),
    backChannelLogoutUri: z.string().optional(),
    requiresPkce: z.boolean().optional().describe("Absent: true"),
    requiresPushedRequests: z.boolean().optional(),
    requiresDpop: z.boolean().optional(),
    secrets: z
      .array(z.object({ createdAt: z.date(), expiresAt: z.date().optional() }))
      .describe("When each secret was made, and when one that overlaps ends"),
    createdAt: z.date(),
    updatedAt: z.date(),
  })
  .meta({ id: "AdminApp" });

export const appPage = z.object({ apps: z.array(app), next });
export const appDetail = app.extend({ ownerEmail: z.string().optional() }).meta({ id: "AdminAppDetail" });

export const registrationBody = z.strictObject({ app: appRegistrationSchema, reason });
export const changesBody = z.strictObject({
  changes: appChangesSchema
    .refine((changes) => Object.keys(changes).length > 0, "must change something")
    .meta({ minProperties: 1 })
    .describe("What is left out stays; null takes an optional setting away"),
  reason,
});
export const registered = z.object({
  clientId: z.string(),
  clientSecret: z.string().optional().describe("Of an app that has one: here and never again"),
});

export const statusBody = z.strictObject({
  status: z.enum(statuses).describe("A deleted app can't come back"),
  reason,
});

export const rotationBody = z.strictObject({
  reason,
  overlapMs: z
    .int()
    .min(0)
    .max(30 * duration.day)
    .optional()
    .describe("How long the secret before stays good, milliseconds. Default: one day"),
});
export const rotated = z.object({
  clientSecret: z.string().describe("Here and never again"),
  formerExpiresAt: z.date(),
});

export const appUsers = z.object({
  users: z.array(
    z.object({
      userId: idOutput,
      email: z.string().optional(),
      scopes: z.array(z.string()),
      grantedAt: z.date(),
      lastUsedAt: z.date().optional(),
    }),
  ),
  next,
});
export const consentBody = z.strictObject({ userId: idInput, reason });

export const apiKeyPage = z.object({
  apiKeys: z.array(
    z.object({
      id: idOutput,
      name: z.string(),
      start: z.string(),
      scopes: z.array(z.string()),
      createdAt: z.date(),
      lastUsedAt: z.date().optional(),
      expiresAt: z.date().optional(),
    }),
  ),
  next,
});
export const apiKeyBody = z.strictObject({ keyId: idInput, reason });
