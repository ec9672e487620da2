import type { SchemaDefinitionProperty, SchemaOptions, Types } from "mongoose";
import { IdentityError } from "../errors.js";

/** What every document of this package carries. */
export interface BaseDocument {
  _id: Types.ObjectId;
  /** Layout of this document; a reader that knows only older layouts refuses it. */
  schemaVersion: number;
}

/** The layout that this version of the package writes. */
export const currentSchemaVersion = 1;

/** Milliseconds, for the limits below and the operations. */
export const duration = {
  second: 1_000,
  minute: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
} as const;

/**
 * Every limit of the data model in one place, so that schemas, operations, the generated reference and tests
 * speak of the same number. Lengths are in characters, counts in items.
 */
export const limits = {
  email: 254, // RFC 5321: 256 with the angle brackets
  username: 64,
  displayName: 128,
  bio: 2_000,
  company: 128,
  location: 128,
  timezone: 64,
  language: 35, // BCP 47: what RFC 5646 recommends to make room for
  roles: 32,
  role: 64,
  scopes: 64,
  scope: 128,
  allowlist: 64,
  cidr: 43, // the longest IPv6 text with a prefix length
  identities: 16,
  favouriteEndpoints: 10,
  endpoint: 128,
  devices: 32,
  countries: 32,
  concurrentSessions: 100,
  userAgent: 512,
  riskReasons: 16,
  riskFeedback: 16,
  redirectUris: 16,
  uri: 2_048,
  clientSecrets: 2,
  apiKeySecrets: 2,
  leases: 64,
  accessTokens: 8,
  tokenRotations: 8,
  auditContext: 32,
  auditValue: 512,
  auditChains: 20_000,
  sealed: 128, // a network with nonce and tag, in base64url
  bucketEndpoints: 64,
  messages: 16,
  challenges: 5, // one-time codes of an account in a quarter of an hour
  name: 128,
  description: 1_000,
} as const;

/** Expiry is decided on read; a TTL index on `purgeAt` only collects garbage, at once when the date has passed. */
export const purgeAtTtl = { name: "purge_ttl", expireAfterSeconds: 0 } as const;

/** Collections and indexes are made by an explicit setup, never as a side effect of a request. */
export function schemaOptions(collection: string) {
  return {
    collection,
    strict: "throw",
    strictQuery: "throw",
    versionKey: false,
    autoIndex: false,
    autoCreate: false,
    minimize: false,
  } as const satisfies SchemaOptions;
}

export const schemaVersion = {
  type: Number,
  required: true,
  default: currentSchemaVersion,
  min: 1,
  validate: {
    validator: (version: number) => version <= currentSchemaVersion,
    message: "schemaVersion {VALUE} is newer than this package knows",
  },
};

/** A document that a newer version of this package wrote must not be rewritten by an older one. */
export function assertKnownVersion(document: { schemaVersion: number }): void {
  if (document.schemaVersion > currentSchemaVersion) {
    throw new IdentityError(
      "SCHEMA_TOO_NEW",
      `the document has layout ${document.schemaVersion}; this package knows layouts up to ${currentSchemaVersion}`,
    );
  }
}

export const text = (maxlength: number) => ({ type: String, maxlength, trim: true });
export const requiredText = (maxlength: number) => ({ ...text(maxlength), required: true });
/** Text of somebody else, kept as it is: an empty one too. */
export const keptText = (maxlength: number) => ({ type: String, maxlength, default: "" });
/** SHA-256 in base64url. */
export const hash = { type: String, minlength: 43, maxlength: 43 } as const;
export const count = { type: Number, required: true, default: 0, min: 0 };
export const requiredDate = { type: Date, required: true };

/** An array with at most `maxItems` items; the option is read again by the validators and the reference. */
export function list<T extends SchemaDefinitionProperty>(item: T, maxItems: number) {
  return {
    type: [item],
    default: [],
    maxItems,
    validate: {
      validator: (items: unknown[]) => items.length <= maxItems,
      message: `at most ${maxItems} items`,
    },
  };
}
