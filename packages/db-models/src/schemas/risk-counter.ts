import { Schema } from "mongoose";
import { count, hash, purgeAtTtl, requiredDate, schemaOptions } from "./parts/fields.js";
import { type BaseDocument, schemaVersion } from "./parts/version.js";

/**
 * How many legitimate sign-ins had one value of one feature, or all of them: what a risk engine knows of everybody.
 * The values are hashed; nothing here tells of a person. Collection `risk_counters`.
 */
export interface RiskCounterDocument extends BaseDocument {
  /** SHA-256 of feature, level and value, or of the word for the totals. */
  key: Buffer;
  logins: number;
  /** Users that they are of; only of the totals. */
  users: number;
  updatedAt: Date;
  purgeAt: Date;
}

export const riskCounterSchema = new Schema<RiskCounterDocument>(
  {
    key: { ...hash, required: true },
    logins: count,
    users: count,
    updatedAt: requiredDate,
    purgeAt: requiredDate,
    schemaVersion,
  },
  schemaOptions("risk_counters", { key: 1 }),
);

riskCounterSchema
  .index({ key: 1 }, { name: "key_unique", unique: true }) // riskCountersOf
  .index({ purgeAt: 1 }, purgeAtTtl); // TTL: values that nobody has shown for long
