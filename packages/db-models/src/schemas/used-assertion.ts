import { Schema } from "mongoose";
import { hash, purgeAtTtl, requiredDate, schemaOptions } from "./parts/fields.js";
import { type BaseDocument, schemaVersion } from "./parts/version.js";

/** A `jti` that was presented: of a client's assertion (RFC 7523) or a DPoP proof (RFC 9449). Collection `used_assertions`. */
export interface UsedAssertionDocument extends BaseDocument {
  /** SHA-256 of whose it is and its `jti`. */
  assertionHash: Buffer;
  usedAt: Date;
  /** When it would no longer be accepted. */
  purgeAt: Date;
}

export const usedAssertionSchema = new Schema<UsedAssertionDocument>(
  { assertionHash: { ...hash, required: true }, usedAt: requiredDate, purgeAt: requiredDate, schemaVersion },
  schemaOptions("used_assertions", { assertionHash: 1 }),
);

usedAssertionSchema
  // Replay is refused by this index, whatever runs in parallel. usedAssertion reads it.
  .index({ assertionHash: 1 }, { name: "assertion_unique", unique: true })
  .index({ purgeAt: 1 }, purgeAtTtl); // TTL: assertions that have expired
