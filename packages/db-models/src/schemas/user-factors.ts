import { Schema, type Types } from "mongoose";
import { limits } from "../core/limits.js";
import type { SealedText } from "../core/seal-keys.js";
import { usedStepsLimit } from "../core/used-steps.js";
import {
  count,
  hash,
  hashText,
  list,
  purgeAtTtl,
  requiredDate,
  requiredText,
  schemaOptions,
} from "./parts/fields.js";
import { type BaseDocument, schemaVersion } from "./parts/version.js";

/** A TOTP secret, sealed with a key of the deployment's. */
export interface TotpSecret extends SealedText {
  id: Types.ObjectId;
}

interface PendingTotp extends TotpSecret {
  expiresAt: Date;
}

interface ActiveTotp extends TotpSecret {
  /** Ranges of time steps of which no code is accepted any more, ascending: from, to, from, to. */
  usedSteps: number[];
  confirmedAt: Date;
  lastUsedAt: Date;
  addedInSession?: Types.ObjectId;
}

interface RecoveryCode {
  /** SHA-256 of 128 random bits. */
  codeHash: Buffer;
}

/** A WebAuthn credential (Level 3 section 4, "credential record"). */
export interface StoredPasskey {
  id: Types.ObjectId;
  /** As the person calls it. */
  name: string;
  /** In base64url, unique over all users. */
  credentialId: string;
  /** COSE key, in base64url. */
  publicKey: string;
  signCount: number;
  transports: string[];
  /** Model of the authenticator; zeros when it does not tell. */
  aaguid: string;
  /** True when it may be copied to other devices (BE); it never changes. */
  backupEligible: boolean;
  /** True when it was copied to other devices at its last use (BS). */
  backedUp: boolean;
  /** True when its user was verified at its registration: only then its verification counts. */
  verifiesUser: boolean;
  createdAt: Date;
  lastUsedAt?: Date;
  /** The session that added it. */
  addedInSession?: Types.ObjectId;
}

/** A device on which the second factor is not asked for again. */
export interface StoredDevice {
  id: Types.ObjectId;
  deviceHash: Buffer;
  label: string;
  /** The account's `sessionGeneration`: once that rises the device is forgotten. */
  userGeneration: number;
  createdAt: Date;
  lastUsedAt: Date;
  expiresAt: Date;
}

/** The wait of somebody who has lost every factor. */
export interface FactorRecovery {
  id: Types.ObjectId;
  /** SHA-256 of the token in the notice, which cancels it. */
  cancelHash: Buffer;
  requestedAt: Date;
  availableAt: Date;
  expiresAt: Date;
  /** SHA-256 of the token that ends the wait, once it was sent. */
  tokenHash?: Buffer;
  tokenExpiresAt?: Date;
  /** When notices were sent, the last first. */
  noticesAt: Date[];
}

/**
 * The second factors of a user, all in one document, so that a change of them is one write and nothing else says
 * whether there is one. Collection `user_factors`.
 */
export interface UserFactorsDocument extends BaseDocument {
  userId: Types.ObjectId;
  /** Since when there is a factor; absent without one. */
  enabledAt?: Date;
  /** What an authenticator app was shown and has not confirmed. */
  pendingTotp?: PendingTotp;
  totp?: ActiveTotp;
  /** By which authenticators know the account (WebAuthn's user handle): 256 random bits that tell of nobody. */
  passkeyHandle?: string;
  passkeys?: StoredPasskey[];
  /** Those that are unused. */
  recoveryCodes?: RecoveryCode[];
  /** The session that made them. */
  recoveryCodesOfSession?: Types.ObjectId;
  rememberedDevices?: StoredDevice[];
  recovery?: FactorRecovery;
  createdAt: Date;
  updatedAt: Date;
  /** Of one without a factor: when it is garbage. */
  purgeAt?: Date;
}

const identifier = { type: Schema.Types.ObjectId, required: true };
const flag = { type: Boolean, required: true };

const secret = {
  id: identifier,
  keyId: requiredText(32),
  sealedText: requiredText(limits.sealed),
};

const pendingSchema = new Schema<PendingTotp>({ ...secret, expiresAt: requiredDate }, { _id: false });

const activeSchema = new Schema<ActiveTotp>(
  {
    ...secret,
    usedSteps: list({ type: Number, required: true, min: 0 }, usedStepsLimit),
    confirmedAt: requiredDate,
    lastUsedAt: requiredDate,
    addedInSession: Schema.Types.ObjectId,
  },
  { _id: false },
);

const codeSchema = new Schema<RecoveryCode>({ codeHash: { ...hash, required: true } }, { _id: false });

export const passkeySchema = new Schema<StoredPasskey>(
  {
    id: identifier,
    name: requiredText(limits.name),
    credentialId: requiredText(limits.credentialId),
    publicKey: requiredText(limits.publicKey),
    signCount: count,
    transports: list(requiredText(32), limits.transports),
    aaguid: requiredText(36),
    backupEligible: flag,
    backedUp: flag,
    verifiesUser: flag,
    createdAt: requiredDate,
    lastUsedAt: Date,
    addedInSession: Schema.Types.ObjectId,
  },
  { _id: false },
);

const deviceSchema = new Schema<StoredDevice>(
  {
    id: identifier,
    deviceHash: { ...hash, required: true },
    label: requiredText(limits.name),
    userGeneration: count,
    createdAt: requiredDate,
    lastUsedAt: requiredDate,
    expiresAt: requiredDate,
  },
  { _id: false },
);

const recoverySchema = new Schema<FactorRecovery>(
  {
    id: identifier,
    cancelHash: { ...hash, required: true },
    requestedAt: requiredDate,
    availableAt: requiredDate,
    expiresAt: requiredDate,
    tokenHash: hash,
    tokenExpiresAt: Date,
    noticesAt: list(requiredDate, limits.messages),
  },
  { _id: false },
);

const optionalList = (schema: Schema, most: number) => ({ ...list(schema, most), default: undefined });

export const userFactorsSchema = new Schema<UserFactorsDocument>(
  {
    userId: identifier,
    enabledAt: Date,
    pendingTotp: pendingSchema,
    totp: activeSchema,
    passkeyHandle: hashText,
    passkeys: optionalList(passkeySchema, limits.passkeys),
    recoveryCodes: optionalList(codeSchema, limits.recoveryCodes),
    recoveryCodesOfSession: Schema.Types.ObjectId,
    rememberedDevices: optionalList(deviceSchema, limits.rememberedDevices),
    recovery: recoverySchema,
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
    { "passkeys.credentialId": 1 },
    {
      name: "credential_unique",
      unique: true,
      partialFilterExpression: { "passkeys.credentialId": { $exists: true } },
    },
  ) // factorsByCredential
  .index(
    { enabledAt: -1, _id: -1 },
    { name: "enabled_newest", partialFilterExpression: { enabledAt: { $exists: true } } },
  ) // accountsWithFactors
  .index(
    { "recovery.cancelHash": 1 },
    {
      name: "recovery_unique",
      unique: true,
      partialFilterExpression: { "recovery.cancelHash": { $exists: true } },
    },
  ) // factorsByRecovery
  .index(
    { "totp.keyId": 1, _id: 1 },
    { name: "totp_key", partialFilterExpression: { "totp.keyId": { $exists: true } } },
  ) // factorsSealedWith
  .index({ purgeAt: 1 }, purgeAtTtl); // TTL: enrolments that nobody confirmed
