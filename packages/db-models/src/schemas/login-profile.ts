import { Schema, type Types } from "mongoose";
import { limits } from "../core/limits.js";
import {
  count,
  list,
  lookupHash,
  purgeAtTtl,
  requiredDate,
  requiredText,
  schemaOptions,
  text,
} from "./parts/fields.js";
import { type BaseDocument, schemaVersion } from "./parts/version.js";

export const loginSubjects = ["user", "account", "network", "factor"] as const;
export type LoginSubject = (typeof loginSubjects)[number];

/** Failed sign-ins, attempts under way among them; they are forgotten one after the other. */
export interface LoginCounter {
  failures: number;
  /** Up to when failures have been forgotten. */
  forgottenAt?: Date;
  /** No attempt is evaluated before. */
  delayedUntil?: Date;
  /** The last attempt that was admitted. */
  attempt?: Types.ObjectId;
}

/** A device that an account was signed in to from, with a counter of its own. */
export interface LoginDevice {
  /** Of the account and the device's cookie. */
  deviceHash: Buffer;
  counter: LoginCounter;
  lastSeenAt: Date;
}

/** Verdicts, the longest kept last. */
export const feedbackVerdicts = ["mine", "not_mine"] as const;
export type FeedbackVerdict = (typeof feedbackVerdicts)[number];

/** A person's feedback on a sign-in to their account. */
export interface LoginFeedback {
  verdict: FeedbackVerdict;
  at: Date;
  /** The session that the sign-in opened. */
  aboutSessionId: Types.ObjectId;
  /** The session that it was said from. */
  fromSessionId: Types.ObjectId;
  /** Of the sign-in. */
  ip?: string;
  userAgent?: string;
}

/** A one-time code that was asked of a sign-in. */
interface CountedChallenge {
  id: Types.ObjectId;
  at: Date;
}

/**
 * History of sign-ins: counters of failures by account, by network and by user at a second factor, for the brute-force
 * defence; for a user also the bounded profile that a risk engine learns. Collection `login_profiles`.
 */
export interface LoginProfileDocument extends BaseDocument {
  subject: LoginSubject;
  /** The user's id (of `user` and `factor`), the hash of what somebody signs in with, or the network in CIDR notation. */
  key: string;
  /** Of an account: whose it is, once an attempt has shown it. */
  userId?: Types.ObjectId;
  counter: LoginCounter;
  devices: LoginDevice[];
  /** Opaque to this package. */
  profile?: Record<string, unknown>;
  /** Of a user: what they said of their sign-ins. */
  feedback?: LoginFeedback[];
  /** Of a user: the last challenges that were made for their sign-ins. */
  challenges?: CountedChallenge[];
  updatedAt: Date;
  purgeAt: Date;
}

const counterSchema = new Schema<LoginCounter>(
  { failures: count, forgottenAt: Date, delayedUntil: Date, attempt: Schema.Types.ObjectId },
  { _id: false },
);

const deviceSchema = new Schema<LoginDevice>(
  {
    deviceHash: { ...lookupHash, required: true },
    counter: { type: counterSchema, required: true },
    lastSeenAt: requiredDate,
  },
  { _id: false },
);

const challengeSchema = new Schema<CountedChallenge>(
  { id: { type: Schema.Types.ObjectId, required: true }, at: requiredDate },
  { _id: false },
);

const feedbackSchema = new Schema<LoginFeedback>(
  {
    verdict: { type: String, enum: feedbackVerdicts, required: true },
    at: requiredDate,
    aboutSessionId: { type: Schema.Types.ObjectId, required: true },
    fromSessionId: { type: Schema.Types.ObjectId, required: true },
    ip: text(limits.cidr),
    userAgent: text(limits.userAgent),
  },
  { _id: false },
);

export const loginProfileSchema = new Schema<LoginProfileDocument>(
  {
    subject: { type: String, enum: loginSubjects, required: true },
    key: requiredText(limits.cidr),
    userId: Schema.Types.ObjectId,
    counter: { type: counterSchema, required: true, default: () => ({ failures: 0 }) },
    devices: list(deviceSchema, limits.devices),
    profile: Schema.Types.Mixed,
    feedback: { ...list(feedbackSchema, limits.riskFeedback), default: undefined },
    challenges: { ...list(challengeSchema, limits.challenges), default: undefined },
    updatedAt: requiredDate,
    purgeAt: requiredDate,
    schemaVersion,
  },
  schemaOptions("login_profiles", { subject: 1, key: 1 }),
);

loginProfileSchema
  .index({ subject: 1, key: 1 }, { name: "subject_unique", unique: true }) // loginProfileOf
  .index({ userId: 1 }, { name: "user", sparse: true }) // loginAccountsOfUser
  .index(
    { subject: 1, "counter.delayedUntil": -1, _id: -1 },
    { name: "delayed", partialFilterExpression: { "counter.delayedUntil": { $exists: true } } },
  ) // delayedSubjects
  .index({ purgeAt: 1 }, purgeAtTtl); // TTL: profiles that nobody has used for long
