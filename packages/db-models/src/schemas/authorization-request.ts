import { Schema, type Types } from "mongoose";
import { limits } from "../core/limits.js";
import { hash, purgeAtTtl, requiredDate, requiredText, schemaOptions } from "./parts/fields.js";
import { type BaseDocument, schemaVersion } from "./parts/version.js";

const requestOrigins = ["pushed", "browser"] as const;
/** Who brought a request: its client, authenticated (RFC 9126), or somebody's browser. */
export type RequestOriginKind = (typeof requestOrigins)[number];

/** An authorization request that is not answered yet. Collection `authorization_requests`. */
export interface AuthorizationRequestDocument extends BaseDocument {
  /** SHA-256 of the token that stands for it. */
  tokenHash: Buffer;
  appId: Types.ObjectId;
  origin: RequestOriginKind;
  /** The parameters, JSON. */
  parameters: string;
  /** SHA-256 of the browser's key, once one has taken it up: it goes on in no other. */
  browserHash?: Buffer;
  /** When it did. */
  takenUpAt?: Date;
  /** When the browser's user had proved who they are at that moment; absent if nobody was signed in. */
  seenAuthenticatedAt?: Date;
  /** When it was answered: there is one answer. */
  usedAt?: Date;
  createdAt: Date;
  expiresAt: Date;
  purgeAt: Date;
}

export const authorizationRequestSchema = new Schema<AuthorizationRequestDocument>(
  {
    tokenHash: { ...hash, required: true },
    appId: { type: Schema.Types.ObjectId, required: true },
    origin: { type: String, enum: requestOrigins, required: true },
    parameters: requiredText(limits.requestParameters),
    browserHash: hash,
    takenUpAt: Date,
    seenAuthenticatedAt: Date,
    usedAt: Date,
    createdAt: requiredDate,
    expiresAt: requiredDate,
    purgeAt: requiredDate,
    schemaVersion,
  },
  schemaOptions("authorization_requests", { tokenHash: 1 }),
);

authorizationRequestSchema
  .index({ tokenHash: 1 }, { name: "token_unique", unique: true }) // authorizationRequestByToken
  .index({ purgeAt: 1 }, purgeAtTtl); // TTL: requests that are answered or too old
