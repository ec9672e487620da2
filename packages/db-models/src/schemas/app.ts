import { Schema, type Types } from "mongoose";
import { limits } from "../core/limits.js";
import { hash, list, purgeAtTtl, requiredDate, requiredText, schemaOptions, text } from "./parts/fields.js";
import { type BaseDocument, schemaVersion } from "./parts/version.js";
import { type SigningAlgorithm, signingAlgorithms } from "./signing-key.js";

export const clientTypes = ["confidential", "public"] as const;
/** RFC 6749 section 2.1. */
export type ClientType = (typeof clientTypes)[number];

export const deviceGrantType = "urn:ietf:params:oauth:grant-type:device_code";
export const grantTypes = [
  "authorization_code",
  "refresh_token",
  "client_credentials",
  deviceGrantType,
] as const;
/** RFC 7591 section 2. */
export type GrantType = (typeof grantTypes)[number];

export const clientAuthenticationMethods = [
  "client_secret_basic",
  "client_secret_post",
  "private_key_jwt",
] as const;
/** How a confidential client shows who it is (OpenID Connect Core section 9). */
export type ClientAuthenticationMethod = (typeof clientAuthenticationMethods)[number];

/** How a client may sign its assertions, by the kind of key, the usual way first (RFC 7518 section 3.1, RFC 8037). */
export const assertionAlgorithmsOf = {
  RSA: ["RS256", "PS256"],
  EC: ["ES256"],
  OKP: ["EdDSA"],
} as const;

export const accessTokenFormats = ["opaque", "jwt"] as const;
/** What a resource server gets: a text that only we can read, or a JWT (RFC 9068) that it checks by itself. */
export type AccessTokenFormat = (typeof accessTokenFormats)[number];

export const appStatuses = ["active", "suspended", "deleted"] as const;
export type AppStatus = (typeof appStatuses)[number];

export interface ClientSecret {
  /** SHA-256 of the secret. */
  secretHash: Buffer;
  createdAt: Date;
  /** Set on the older one while two overlap. */
  expiresAt?: Date;
}

/** An OAuth 2.1 client. Collection `apps`. */
export interface AppDocument extends BaseDocument {
  /** `client_id`: public, random. */
  clientId: string;
  ownerId: Types.ObjectId;
  name: string;
  description?: string;
  homepage?: string;
  type: ClientType;
  status: AppStatus;
  /** The newest first; at most two, so that a rotation can overlap. Never selected by default. */
  clientSecrets: ClientSecret[];
  /** Compared as exact strings (RFC 9700 section 2.1). */
  redirectUris: string[];
  grantTypes: GrantType[];
  /** The widest that the app may ask for. */
  scopes: string[];
  /** The one way in which it authenticates. Absent: with a secret, by the header or in the body. */
  clientAuthentication?: ClientAuthenticationMethod;
  /** Public keys of `private_key_jwt`, each a JWK in JSON. */
  publicKeys?: string[];
  /** Default: `opaque`. */
  accessTokenFormat?: AccessTokenFormat;
  /** How its id_tokens are signed. Default: RS256. */
  idTokenAlgorithm?: SigningAlgorithm;
  /** Resource servers that its tokens may be for (RFC 8707). */
  resources?: string[];
  /** It is a resource server itself: the identifiers under which it may introspect tokens of others. */
  serves?: string[];
  /** Origins of pages that call the token endpoint from a browser. */
  origins?: string[];
  /** Where a browser may go after a sign-out (OpenID Connect RP-Initiated Logout). */
  postLogoutRedirectUris?: string[];
  /** Where it is told that a session has ended (OpenID Connect Back-Channel Logout). */
  backChannelLogoutUri?: string;
  /** `false`: a confidential app that may leave PKCE out, as its library knows none. Default: true. */
  requiresPkce?: boolean;
  /** Takes its authorization requests only where they were pushed (RFC 9126 section 6). */
  requiresPushedRequests?: boolean;
  /** Issues it no token that is not bound to a key (RFC 9449 section 5.2). */
  requiresDpop?: boolean;
  createdAt: Date;
  updatedAt: Date;
  purgeAt?: Date;
}

const optionalTexts = (longest: number, most: number) => ({
  ...list(requiredText(longest), most),
  default: undefined,
});

const clientSecret = new Schema<ClientSecret>(
  { secretHash: { ...hash, required: true }, createdAt: requiredDate, expiresAt: Date },
  { _id: false },
);

export const appSchema = new Schema<AppDocument>(
  {
    clientId: requiredText(64),
    ownerId: { type: Schema.Types.ObjectId, required: true },
    name: requiredText(limits.name),
    description: text(limits.description),
    homepage: text(limits.uri),
    type: { type: String, enum: clientTypes, required: true },
    status: { type: String, enum: appStatuses, required: true, default: "active" },
    clientSecrets: { ...list(clientSecret, limits.clientSecrets), select: false },
    redirectUris: list(requiredText(limits.uri), limits.redirectUris),
    grantTypes: list({ type: String, enum: grantTypes, required: true }, grantTypes.length),
    scopes: list(requiredText(limits.scope), limits.scopes),
    clientAuthentication: { type: String, enum: clientAuthenticationMethods },
    publicKeys: optionalTexts(limits.publicJwk, limits.clientKeys),
    accessTokenFormat: { type: String, enum: accessTokenFormats },
    idTokenAlgorithm: { type: String, enum: signingAlgorithms },
    resources: optionalTexts(limits.uri, limits.resources),
    serves: optionalTexts(limits.uri, limits.resources),
    origins: optionalTexts(limits.uri, limits.origins),
    postLogoutRedirectUris: optionalTexts(limits.uri, limits.redirectUris),
    backChannelLogoutUri: text(limits.uri),
    requiresPkce: Boolean,
    requiresPushedRequests: Boolean,
    requiresDpop: Boolean,
    createdAt: requiredDate,
    updatedAt: requiredDate,
    purgeAt: Date,
    schemaVersion,
  },
  schemaOptions("apps"),
);

appSchema
  .index({ clientId: 1 }, { name: "client_id_unique", unique: true }) // appByClientId
  .index({ ownerId: 1, createdAt: -1, _id: -1 }, { name: "owner_newest" }) // appsOfOwner
  .index({ status: 1, createdAt: -1, _id: -1 }, { name: "status_newest" }) // appsByStatus
  .index({ purgeAt: 1 }, purgeAtTtl); // TTL: deleted apps
