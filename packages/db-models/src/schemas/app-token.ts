import { Schema, type Types } from "mongoose";
import {
  type BaseDocument,
  count,
  hash,
  limits,
  list,
  purgeAtTtl,
  requiredDate,
  requiredText,
  schemaOptions,
  schemaVersion,
  text,
} from "./common.js";

export const appTokenKinds = ["authorization_code", "access_token", "refresh_token"] as const;
export type AppTokenKind = (typeof appTokenKinds)[number];

export const tokenRevocationReasons = [
  "revoked_by_client",
  "revoked_by_user",
  "permission_revoked",
  "code_reused",
  "refresh_reused",
  "app_suspended",
  "account_not_active",
] as const;
export type TokenRevocationReason = (typeof tokenRevocationReasons)[number];

/** An authorization code, an access token or a refresh token; only its hash. Collection `app_tokens`. */
export interface AppTokenDocument extends BaseDocument {
  kind: AppTokenKind;
  /** SHA-256 of the token. */
  tokenHash: string;
  appId: Types.ObjectId;
  userId: Types.ObjectId;
  /** Everything that descends from one authorization; revoked as one (RFC 9700 section 4.14.2). */
  familyId: Types.ObjectId;
  /** Place in the rotation, 0 for the first. */
  generation: number;
  scopes: string[];
  /** RFC 7636, S256 only; on authorization codes. */
  codeChallenge?: string;
  codeChallengeMethod?: "S256";
  redirectUri?: string;
  /** When a single-use token was used. */
  usedAt?: Date;
  revokedAt?: Date;
  revocationReason?: TokenRevocationReason;
  createdAt: Date;
  expiresAt: Date;
  purgeAt: Date;
}

export const appTokenSchema = new Schema<AppTokenDocument>(
  {
    kind: { type: String, enum: appTokenKinds, required: true },
    tokenHash: { ...hash, required: true },
    appId: { type: Schema.Types.ObjectId, required: true },
    userId: { type: Schema.Types.ObjectId, required: true },
    familyId: { type: Schema.Types.ObjectId, required: true },
    generation: count,
    scopes: list(requiredText(limits.scope), limits.scopes),
    codeChallenge: hash,
    codeChallengeMethod: { type: String, enum: ["S256"] },
    redirectUri: text(limits.uri),
    usedAt: Date,
    revokedAt: Date,
    revocationReason: { type: String, enum: tokenRevocationReasons },
    createdAt: requiredDate,
    expiresAt: requiredDate,
    purgeAt: requiredDate,
    schemaVersion,
  },
  schemaOptions("app_tokens"),
);

appTokenSchema
  .index({ tokenHash: 1 }, { name: "token_unique", unique: true }) // tokenByHash
  .index({ familyId: 1, generation: -1 }, { name: "family_newest" }) // tokensOfFamily
  .index({ userId: 1, appId: 1, createdAt: -1 }, { name: "user_app_newest" }) // tokensOfUserAndApp
  .index({ userId: 1, revokedAt: 1, expiresAt: -1 }, { name: "live_of_user" }) // liveTokensOfUser
  .index({ appId: 1, createdAt: -1 }, { name: "app_newest" }) // tokensOfApp
  .index({ purgeAt: 1 }, purgeAtTtl); // TTL: expired and revoked tokens, after their retention
