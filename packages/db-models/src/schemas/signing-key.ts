import { Schema } from "mongoose";
import { limits } from "../core/limits.js";
import { count, hashText, purgeAtTtl, requiredDate, requiredText, schemaOptions } from "./parts/fields.js";
import { type BaseDocument, schemaVersion } from "./parts/version.js";

export const signingAlgorithms = ["RS256", "ES256", "EdDSA"] as const;
/** How tokens are signed (RFC 7518 section 3.1, RFC 8037 section 3.1). */
export type SigningAlgorithm = (typeof signingAlgorithms)[number];

/**
 * A key that signs id_tokens and access tokens. The newest one whose time has come signs; one that is to come, and those
 * before, are published for clients that still need them. Collection `signing_keys`.
 */
export interface SigningKeyDocument extends BaseDocument {
  /** `kid`: the thumbprint of the public key (RFC 7638). */
  kid: string;
  algorithm: SigningAlgorithm;
  /** Counts the keys of an algorithm. */
  generation: number;
  /** The public half as a JWK, in JSON. */
  publicJwk: string;
  /** Name of the deployment's key that sealed the private half. */
  keyId: string;
  /** The private half as a JWK, sealed. */
  sealedText: string;
  createdAt: Date;
  /** From then on it signs, until a later one does. */
  signsFrom: Date;
  /** When it is no longer published; set once there is a successor. */
  purgeAt?: Date;
}

export const signingKeySchema = new Schema<SigningKeyDocument>(
  {
    kid: { ...hashText, required: true },
    algorithm: { type: String, enum: signingAlgorithms, required: true },
    generation: count,
    publicJwk: requiredText(limits.publicJwk),
    keyId: requiredText(32),
    sealedText: requiredText(limits.privateJwk),
    createdAt: requiredDate,
    signsFrom: requiredDate,
    purgeAt: Date,
    schemaVersion,
  },
  schemaOptions("signing_keys"),
);

signingKeySchema
  // Of any number of instances that see a key due, one makes its successor. signingKeysOf reads it.
  .index({ algorithm: 1, generation: 1 }, { name: "generation_unique", unique: true })
  .index({ purgeAt: 1 }, purgeAtTtl); // TTL: keys that nothing needs any more
