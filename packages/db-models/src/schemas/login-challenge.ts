import { Schema, type Types } from "mongoose";
import { type ProofMethod, proofMethods } from "../core/assurance.js";
import { count, hash, list, purgeAtTtl, requiredDate, schemaOptions } from "./parts/fields.js";
import { type BaseDocument, schemaVersion } from "./parts/version.js";
import { riskSchema, type StoredRisk } from "./user-session.js";

/**
 * A sign-in that is not finished: what it has proved, and what it must prove before it gets a session. Collection
 * `login_challenges`.
 */
export interface LoginChallengeDocument extends BaseDocument {
  userId: Types.ObjectId;
  /** SHA-256 of the token that the client holds. */
  tokenHash: Buffer;
  /** argon2id of the code that the person was sent; only where `email` is asked for. */
  codeHash?: string;
  /** What was proved so far. */
  proofs: ProofMethod[];
  /** Methods of which one is to be proved now. */
  ask: ProofMethod[];
  /** SHA-256 of the key of the client that began, if only it may go on. */
  clientHash?: Buffer;
  /** `sessionGeneration` that the first proof saw. */
  userGeneration: number;
  /** Why the sign-in was challenged; the session takes it over. */
  risk: StoredRisk;
  /** Wrong codes that may still be tried. */
  attemptsLeft: number;
  createdAt: Date;
  expiresAt: Date;
  passedAt?: Date;
  purgeAt: Date;
}

const methods = list({ type: String, enum: proofMethods, required: true }, proofMethods.length);

export const loginChallengeSchema = new Schema<LoginChallengeDocument>(
  {
    userId: { type: Schema.Types.ObjectId, required: true },
    tokenHash: { ...hash, required: true },
    codeHash: { type: String, maxlength: 256, select: false },
    proofs: methods,
    ask: methods,
    clientHash: hash,
    userGeneration: count,
    risk: { type: riskSchema, required: true },
    attemptsLeft: count,
    createdAt: requiredDate,
    expiresAt: requiredDate,
    passedAt: Date,
    purgeAt: requiredDate,
    schemaVersion,
  },
  schemaOptions("login_challenges", { tokenHash: 1 }),
);

loginChallengeSchema
  .index({ tokenHash: 1 }, { name: "token_unique", unique: true }) // challengeByToken
  .index({ userId: 1, createdAt: -1, _id: -1 }, { name: "user_newest" }) // challengesOfUser
  .index({ purgeAt: 1 }, purgeAtTtl); // TTL: challenges, a day after they expired
