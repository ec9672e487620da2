import { Schema, type Types } from "mongoose";
import { limits } from "../core/limits.js";
import { hash, list, purgeAtTtl, requiredDate, requiredText, schemaOptions, text } from "./parts/fields.js";
import { type BaseDocument, schemaVersion } from "./parts/version.js";

export const clientTypes = ["confidential", "public"] as const;
/** RFC 6749 section 2.1. */
export type ClientType = (typeof clientTypes)[number];

export const grantTypes = ["authorization_code", "refresh_token"] as const;
export type GrantType = (typeof grantTypes)[number];

export const appStatuses = ["active", "suspended", "deleted"] as const;
export type AppStatus = (typeof appStatuses)[number];

export interface ClientSecret {
  /** SHA-256 of the secret. */
  secretHash: string;
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
  createdAt: Date;
  updatedAt: Date;
  purgeAt?: Date;
}

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
