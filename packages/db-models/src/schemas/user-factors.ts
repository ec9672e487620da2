import { Schema, type Types } from "mongoose";
import { limits } from "../core/limits.js";
import type { SealedText } from "../core/seal-keys.js";
import { hash, list, purgeAtTtl, requiredDate, requiredText, schemaOptions } from "./parts/fields.js";
import { type BaseDocument, schemaVersion } from "./parts/version.js";

/** A TOTP secret, sealed with a key of the deployment's. */
export interface TotpSecret extends SealedText {
  id: Types.ObjectId;
}

interface PendingTotp extends TotpSecret {
  expiresAt: Date;
}

interface ActiveTotp extends TotpSecret {
  /** The last time step whose code was accepted: no code of it or of an earlier one is accepted again. */
  lastStep: number;
  confirmedAt: Date;
  lastUsedAt: Date;
}

interface RecoveryCode {
  /** SHA-256 of 128 random bits. */
  codeHash: string;
}

/**
 * The second factors of a user, all in one document, so that a change of them is one write. Collection `user_factors`.
 */
export interface UserFactorsDocument extends BaseDocument {
  userId: Types.ObjectId;
  /** What an authenticator app was shown and has not confirmed. */
  pendingTotp?: PendingTotp;
  totp?: ActiveTotp;
  /** Those that are unused. */
  recoveryCodes?: RecoveryCode[];
  createdAt: Date;
  updatedAt: Date;
  /** Of one without a factor: when it is garbage. */
  purgeAt?: Date;
}

const secret = {
  id: { type: Schema.Types.ObjectId, required: true },
  keyId: requiredText(32),
  sealedText: requiredText(limits.sealed),
};

const pendingSchema = new Schema<PendingTotp>({ ...secret, expiresAt: requiredDate }, { _id: false });

const activeSchema = new Schema<ActiveTotp>(
  {
    ...secret,
    lastStep: { type: Number, required: true, min: 0 },
    confirmedAt: requiredDate,
    lastUsedAt: requiredDate,
  },
  { _id: false },
);

const codeSchema = new Schema<RecoveryCode>({ codeHash: { ...hash, required: true } }, { _id: false });

export const userFactorsSchema = new Schema<UserFactorsDocument>(
  {
    userId: { type: Schema.Types.ObjectId, required: true },
    pendingTotp: pendingSchema,
    totp: activeSchema,
    recoveryCodes: { ...list(codeSchema, limits.recoveryCodes), default: undefined },
    createdAt: requiredDate,
    updatedAt: requiredDate,
    purgeAt: Date,
    schemaVersion,
  },
  schemaOptions("user_factors"),
);

userFactorsSchema
  .index({ userId: 1 }, { name: "user_unique", unique: true }) // factorsOfUser
  .index(
    { "totp.keyId": 1, _id: 1 },
    { name: "totp_key", partialFilterExpression: { "totp.keyId": { $exists: true } } },
  ) // factorsSealedWith
  .index({ purgeAt: 1 }, purgeAtTtl); // TTL: enrolments that nobody confirmed
