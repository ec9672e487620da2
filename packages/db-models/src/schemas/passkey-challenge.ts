import { Schema, type Types } from "mongoose";
import { hash, purgeAtTtl, requiredDate, schemaOptions } from "./parts/fields.js";
import { type BaseDocument, schemaVersion } from "./parts/version.js";

const passkeyCeremonies = ["registration", "authentication"] as const;
export type PasskeyCeremony = (typeof passkeyCeremonies)[number];

/** A challenge that a passkey has not answered yet; its answer takes it away. Collection `passkey_challenges`. */
export interface PasskeyChallengeDocument extends BaseDocument {
  /** SHA-256 of the challenge. */
  challengeHash: Buffer;
  ceremony: PasskeyCeremony;
  /** Whose passkey is to answer; absent where the passkey is to tell. */
  userId?: Types.ObjectId;
  /** The session that adds a passkey. */
  sessionId?: Types.ObjectId;
  /** SHA-256 of the token of the browser that signs in; absent where the user is known. */
  attemptHash?: Buffer;
  /** True when the authenticator has to verify its user. */
  verifiesUser: boolean;
  createdAt: Date;
  expiresAt: Date;
  purgeAt: Date;
}

export const passkeyChallengeSchema = new Schema<PasskeyChallengeDocument>(
  {
    challengeHash: { ...hash, required: true },
    ceremony: { type: String, enum: passkeyCeremonies, required: true },
    userId: Schema.Types.ObjectId,
    sessionId: Schema.Types.ObjectId,
    attemptHash: hash,
    verifiesUser: { type: Boolean, required: true },
    createdAt: requiredDate,
    expiresAt: requiredDate,
    purgeAt: requiredDate,
    schemaVersion,
  },
  schemaOptions("passkey_challenges", { challengeHash: 1 }),
);

passkeyChallengeSchema
  .index({ challengeHash: 1 }, { name: "challenge_unique", unique: true }) // passkeyChallenge
  .index(
    { userId: 1, createdAt: -1, _id: -1 },
    { name: "user_newest", partialFilterExpression: { userId: { $exists: true } } },
  ) // passkeyChallengesOfUser
  .index({ purgeAt: 1 }, purgeAtTtl); // TTL: challenges that nobody answered
