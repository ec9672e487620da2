import { Schema } from "mongoose";
import { count, hash, purgeAtTtl, requiredDate, schemaOptions } from "./parts/fields.js";
import { type BaseDocument, schemaVersion } from "./parts/version.js";

/** The requests that clients may still make in a window, as instances have taken them. Collection `request_limits`. */
export interface RequestLimitDocument extends BaseDocument {
  /** SHA-256 of the kind of request and the client. */
  key: Buffer;
  /** When the window began. */
  startedAt: Date;
  /** Requests of the window that instances have taken to let through. */
  taken: number;
  purgeAt: Date;
}

export const requestLimitSchema = new Schema<RequestLimitDocument>(
  {
    key: { ...hash, required: true },
    startedAt: requiredDate,
    taken: count,
    purgeAt: requiredDate,
    schemaVersion,
  },
  schemaOptions("request_limits", { key: 1 }),
);

requestLimitSchema
  .index({ key: 1 }, { name: "key_unique", unique: true }) // requestLimitOf
  .index({ purgeAt: 1 }, purgeAtTtl); // TTL: windows that are over
