import { Schema } from "mongoose";
import {
  type BaseDocument,
  count,
  limits,
  purgeAtTtl,
  requiredDate,
  requiredText,
  schemaOptions,
  schemaVersion,
} from "./common.js";

export const loginSubjects = ["user", "network"] as const;
export type LoginSubject = (typeof loginSubjects)[number];

/**
 * What is known of the sign-ins of a user or from a network: failures for the brute-force defence, and for a user
 * the bounded profile that a risk engine learns. Collection `login_profiles`.
 */
export interface LoginProfileDocument extends BaseDocument {
  subject: LoginSubject;
  /** The user's id, or the network in CIDR notation. */
  key: string;
  failures: number;
  firstFailureAt?: Date;
  lastFailureAt?: Date;
  /** No attempt is evaluated before. */
  delayedUntil?: Date;
  /** Opaque to this package. */
  profile?: Record<string, unknown>;
  updatedAt: Date;
  purgeAt: Date;
}

export const loginProfileSchema = new Schema<LoginProfileDocument>(
  {
    subject: { type: String, enum: loginSubjects, required: true },
    key: requiredText(limits.cidr),
    failures: count,
    firstFailureAt: Date,
    lastFailureAt: Date,
    delayedUntil: Date,
    profile: Schema.Types.Mixed,
    updatedAt: requiredDate,
    purgeAt: requiredDate,
    schemaVersion,
  },
  schemaOptions("login_profiles"),
);

loginProfileSchema
  .index({ subject: 1, key: 1 }, { name: "subject_unique", unique: true }) // loginProfileOf
  .index(
    { subject: 1, delayedUntil: -1 },
    { name: "delayed", partialFilterExpression: { delayedUntil: { $exists: true } } },
  ) // delayedSubjects
  .index({ purgeAt: 1 }, purgeAtTtl); // TTL: profiles that nobody has used for long
