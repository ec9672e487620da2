import { Schema, type Types } from "mongoose";
import { limits } from "../core/limits.js";
import type { TokenRotation } from "../core/rotations.js";
import { type AuthorizationFacts, authorizationFacts } from "./parts/authorization-facts.js";
import {
  count,
  hash,
  hashText,
  list,
  purgeAtTtl,
  requiredDate,
  requiredText,
  schemaOptions,
  text,
} from "./parts/fields.js";
import { tokenRotations } from "./parts/token-rotation.js";
import { type BaseDocument, schemaVersion } from "./parts/version.js";

export const tokenRevocationReasons = [
  "revoked_by_client",
  "revoked_by_user",
  "permission_revoked",
  "code_reused",
  "refresh_reused",
  "app_suspended",
  "account_not_active",
  "signed_out",
  "reported",
] as const;
export type TokenRevocationReason = (typeof tokenRevocationReasons)[number];

/** An access token of an authorization. */
export interface IssuedAccessToken {
  /** SHA-256 of the token. */
  tokenHash: Buffer;
  /** Those of the authorization, or fewer. */
  scopes: string[];
  /** Resource servers that it is for, where it names some of those of the authorization. */
  audiences?: string[];
  /** Thumbprint of the key that it is bound to (RFC 9449). */
  dpopKey?: string;
  createdAt: Date;
  expiresAt: Date;
}

/**
 * One authorization of an app, by a user or for itself, with its code and every token that descends from it; only their hashes. They
 * live and end as one (RFC 9700 section 4.14.2), because they are one document. Collection `app_tokens`.
 */
export interface AppTokenDocument extends BaseDocument, AuthorizationFacts {
  /** The user, or the app where it acts for itself (RFC 6749 section 4.4). The code and all tokens say it, with `_id`. */
  ownerId: Types.ObjectId;
  appId: Types.ObjectId;
  /** The consent that it rests on, and the generation of it. */
  permissionId?: Types.ObjectId;
  permissionGeneration?: number;
  scopes: string[];
  /** SHA-256 of the authorization code; absent where there was none. */
  codeHash?: Buffer;
  /** RFC 7636, S256 only. Absent when the client sent none, as a policy may allow. */
  codeChallenge?: string;
  redirectUri?: string;
  /** When the code was used, or the tokens were issued without one. */
  usedAt?: Date;
  /** Marks the refresh tokens as made here, so that a forged one raises no alarm. Opens nothing. */
  markKey: string;
  /** SHA-256 of the refresh token; absent before the code is used, and when the app may not refresh. */
  tokenHash?: Buffer;
  /** How often the refresh token was rotated. */
  generation: number;
  /** The last ones, the newest last. */
  rotations: TokenRotation[];
  /** The last ones, the newest last. */
  accessTokens: IssuedAccessToken[];
  revokedAt?: Date;
  revocationReason?: TokenRevocationReason;
  createdAt: Date;
  /** When it ends unless it is used: the code, then the refresh token, or the access token when there is no other. */
  expiresAt: Date;
  /** When it ends in any case. */
  absoluteExpiresAt: Date;
  purgeAt: Date;
}

const accessToken = new Schema<IssuedAccessToken>(
  {
    tokenHash: { ...hash, required: true },
    scopes: list(requiredText(limits.scope), limits.scopes),
    audiences: { ...list(requiredText(limits.uri), limits.resources), default: undefined },
    dpopKey: hashText,
    createdAt: requiredDate,
    expiresAt: requiredDate,
  },
  { _id: false },
);

export const appTokenSchema = new Schema<AppTokenDocument>(
  {
    ownerId: { type: Schema.Types.ObjectId, required: true },
    appId: { type: Schema.Types.ObjectId, required: true },
    permissionId: Schema.Types.ObjectId,
    permissionGeneration: { type: Number, min: 0 },
    scopes: list(requiredText(limits.scope), limits.scopes),
    codeHash: hash,
    codeChallenge: hashText,
    redirectUri: text(limits.uri),
    ...authorizationFacts,
    usedAt: Date,
    markKey: { ...hashText, required: true },
    tokenHash: hash,
    generation: count,
    rotations: tokenRotations,
    accessTokens: list(accessToken, limits.accessTokens),
    revokedAt: Date,
    revocationReason: { type: String, enum: tokenRevocationReasons },
    createdAt: requiredDate,
    expiresAt: requiredDate,
    absoluteExpiresAt: requiredDate,
    purgeAt: requiredDate,
    schemaVersion,
  },
  schemaOptions("app_tokens", { ownerId: 1 }),
);

appTokenSchema
  // authorizationById reads by `_id`.
  .index({ ownerId: 1, appId: 1, createdAt: -1, _id: -1 }, { name: "owner_app_newest" }) // tokensOfUserAndApp
  .index({ ownerId: 1, revokedAt: 1, expiresAt: -1, _id: -1 }, { name: "live_of_owner" }) // liveTokensOfUser
  .index({ appId: 1, createdAt: -1, _id: -1 }, { name: "app_newest" }) // tokensOfApp
  // tokensOfSession: who is told when a session ends.
  .index(
    { sessionId: 1, createdAt: -1, _id: -1 },
    { name: "session_newest", partialFilterExpression: { sessionId: { $exists: true } } },
  )
  .index({ purgeAt: 1 }, purgeAtTtl); // TTL: expired and revoked authorizations, after their retention
