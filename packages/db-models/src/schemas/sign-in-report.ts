import { Schema, type Types } from "mongoose";
import { type ProofMethod, proofMethods } from "../core/assurance.js";
import { limits } from "../core/limits.js";
import { hash, list, purgeAtTtl, requiredDate, requiredText, schemaOptions, text } from "./parts/fields.js";
import { type BaseDocument, schemaVersion } from "./parts/version.js";
import { type ExternalIdentity, externalIdentitySchema } from "./user.js";
import { passkeySchema, type StoredPasskey } from "./user-factors.js";
import { type RiskAssessment, riskSchema } from "./user-session.js";

/**
 * `offered`: a mail has a button, which nobody has pressed; `pending`: what the report takes off is being taken off;
 * `undoing`: some of it is being given back.
 */
const signInReportStates = ["offered", "pending", "done", "undoing", "undone"] as const;
export type SignInReportState = (typeof signInReportStates)[number];

/** The sign-in that is reported, as its session was. */
export interface ReportedSignIn {
  at: Date;
  /** When the session ended, where that was before the report. */
  endedAt?: Date;
  /** Ways in which it was proved; absent where that was not recorded. */
  methods?: ProofMethod[];
  device: string;
  network?: string;
  country?: string;
  /** How the sign-in was judged. */
  risk: RiskAssessment;
}

/** What was added from the session, and was taken off the account. */
export interface TakenOff {
  passkeys: StoredPasskey[];
  externalIdentities: ExternalIdentity[];
  /** Names of API keys. */
  apiKeys: string[];
  /** Apps whose consents were taken back. */
  apps: Types.ObjectId[];
  totp: boolean;
  recoveryCodes: boolean;
  /** What became of a change of the address. */
  email?: "cancelled" | "restored" | "taken";
  /** Whether the password opens nothing until another one is set by mail. */
  password: boolean;
}

/**
 * An owner's report of a sign-in as somebody else's, one for a session: what it takes to go on after a crash, and to give
 * back what can be given back. Collection `sign_in_reports`.
 */
export interface SignInReportDocument extends BaseDocument {
  userId: Types.ObjectId;
  sessionId: Types.ObjectId;
  state: SignInReportState;
  /** SHA-256 of the mailed button's token. */
  tokenHash?: Buffer;
  tokenExpiresAt?: Date;
  createdAt: Date;
  reportedAt?: Date;
  /** The session that it was said from; absent where it was said from a mail. */
  fromSessionId?: Types.ObjectId;
  /** The account's `sessionGeneration` at that time. */
  userGeneration?: number;
  signIn?: ReportedSignIn;
  takenOff?: TakenOff;
  /** When the owner was told of it. */
  toldAt?: Date;
  undoUntil?: Date;
  undoneAt?: Date;
  /** Passkeys and linked identities that were given back. */
  restored?: number;
  /** When it is to be gone through again. */
  sweepAt?: Date;
  purgeAt: Date;
}

const identifier = { type: Schema.Types.ObjectId, required: true };
const flag = { type: Boolean, required: true, default: false };

const signInSchema = new Schema<ReportedSignIn>(
  {
    at: requiredDate,
    endedAt: Date,
    methods: {
      ...list({ type: String, enum: proofMethods, required: true }, proofMethods.length),
      default: undefined,
    },
    device: requiredText(limits.name),
    network: text(limits.cidr),
    country: { type: String, minlength: 2, maxlength: 2 },
    risk: { type: riskSchema, required: true },
  },
  { _id: false },
);

const takenOffSchema = new Schema<TakenOff>(
  {
    passkeys: list(passkeySchema, limits.passkeys),
    externalIdentities: list(externalIdentitySchema, limits.identities),
    apiKeys: list(requiredText(limits.name), limits.reportedKeys),
    apps: list(identifier, limits.reportedKeys),
    totp: flag,
    recoveryCodes: flag,
    email: { type: String, enum: ["cancelled", "restored", "taken"] },
    password: flag,
  },
  { _id: false },
);

export const signInReportSchema = new Schema<SignInReportDocument>(
  {
    userId: identifier,
    sessionId: identifier,
    state: { type: String, enum: signInReportStates, required: true },
    tokenHash: hash,
    tokenExpiresAt: Date,
    createdAt: requiredDate,
    reportedAt: Date,
    fromSessionId: Schema.Types.ObjectId,
    userGeneration: { type: Number, min: 0 },
    signIn: signInSchema,
    takenOff: takenOffSchema,
    toldAt: Date,
    undoUntil: Date,
    undoneAt: Date,
    restored: { type: Number, min: 0 },
    sweepAt: Date,
    purgeAt: requiredDate,
    schemaVersion,
  },
  schemaOptions("sign_in_reports"),
);

const ifThere = (field: string) => ({ partialFilterExpression: { [field]: { $exists: true } } });

signInReportSchema
  .index({ userId: 1, sessionId: 1 }, { name: "user_session_unique", unique: true }) // signInReportOf
  .index({ tokenHash: 1 }, { name: "token_unique", unique: true, ...ifThere("tokenHash") }) // signInReportByToken
  .index({ userId: 1, reportedAt: -1, _id: -1 }, { name: "user_newest", ...ifThere("reportedAt") }) // signInReportsOfUser
  .index({ reportedAt: -1, _id: -1 }, { name: "newest", ...ifThere("reportedAt") }) // newestSignInReports
  .index({ sweepAt: 1, _id: 1 }, { name: "due", ...ifThere("sweepAt") }) // dueSignInReports
  .index({ purgeAt: 1 }, purgeAtTtl); // TTL: buttons that nobody pressed, and reports after their retention
