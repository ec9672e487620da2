import { Types } from "mongoose";
import type { Context } from "../context/context.js";
import { clockToleranceMs } from "../core/clock.js";
import { IdentityError, isDuplicateKey } from "../core/errors.js";
import { maxLifetimeMs } from "../core/policies/one-time.js";
import { mintToken, parseToken, sha256 } from "../core/secrets.js";
import { generationOf } from "../factors/generation.js";
import { queries } from "../queries/queries.js";
import { findByQuery } from "../queries/run-query.js";
import { findAndUpdate } from "../queries/update.js";
import { assertKnownVersion, currentSchemaVersion } from "../schemas/parts/version.js";
import type { ReportedSignIn, SignInReportDocument } from "../schemas/sign-in-report.js";
import { readSession } from "../stored/session.js";
import { resumeAfterMs } from "./due.js";
import { isMade, type MadeReport } from "./summary.js";

/** The session that is reported, and the one that it is said from; or the token of a mail's button. */
export type SignInReportInput =
  | { userId: Types.ObjectId; sessionId: Types.ObjectId; fromSessionId: Types.ObjectId }
  | { token: unknown };

export interface SignInReportOffer {
  /** For the mail to the account's owner, here and never again. */
  token: string;
  expiresAt: Date;
}

/** `unknown`: the user has no such session, or no longer; `used`: the mail's button was pressed before. */
export type ReportRefusal = "unknown" | "malformed" | "expired" | "used";

type Begun = { ok: true; created: boolean; report: MadeReport } | { ok: false; reason: ReportRefusal };

const maxAttempts = 20;

export async function offerReport(
  context: Context,
  { userId, sessionId }: { userId: Types.ObjectId; sessionId: Types.ObjectId },
): Promise<SignInReportOffer> {
  const { models, now, policies } = context;
  const signIn = await readSignIn(context, userId, sessionId);
  if (!signIn) throw new IdentityError("SESSION_NOT_FOUND", "the user has no such session");
  const token = mintToken("oneTime");
  const expiresAt = new Date(now.getTime() + policies.oneTimeTokens.signInReportLifetimeMs);
  const offer: SignInReportDocument = {
    _id: new Types.ObjectId(),
    userId,
    sessionId,
    state: "offered",
    tokenHash: sha256(token.raw),
    tokenExpiresAt: expiresAt,
    signIn,
    createdAt: now,
    purgeAt: expiresAt,
    schemaVersion: currentSchemaVersion,
  };
  await models.SignInReport.collection.insertOne({ ...offer });
  return { token: token.raw, expiresAt };
}

/** One document stands for a session: of any number of presses, in whichever processes, one makes the report. */
export async function beginReport(context: Context, input: SignInReportInput): Promise<Begun> {
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const found = "token" in input ? await byToken(context, input.token) : await bySession(context, input);
    if ("reason" in found) return { ok: false, reason: found.reason };
    const { known } = found;
    if (known && isMade(known)) return { ok: true, created: false, report: known };
    const report = await make(context, found, "token" in input ? undefined : input.fromSessionId);
    if (report) return { ok: true, created: true, report };
  }
  throw new IdentityError("CONTENTION", "the report is being made over and over");
}

interface Found {
  userId: Types.ObjectId;
  sessionId: Types.ObjectId;
  signIn: ReportedSignIn;
  known: SignInReportDocument | undefined;
}

async function byToken(context: Context, presented: unknown): Promise<Found | { reason: ReportRefusal }> {
  const { models, now } = context;
  const token = parseToken("oneTime", presented);
  if (!token) return { reason: "malformed" };
  const known = await findByQuery(models, queries.signInReportByToken(sha256(token.raw)));
  if (!known?.signIn || !known.tokenExpiresAt) return { reason: "unknown" };
  assertKnownVersion(known);
  // One that is still being carried out may be pressed again, in case that has stopped.
  if (isMade(known) && known.state !== "pending") return { reason: "used" };
  const latest = now.getTime() + maxLifetimeMs.signInReport + clockToleranceMs;
  const isOver = known.tokenExpiresAt <= now || known.tokenExpiresAt.getTime() > latest;
  if (known.state === "offered" && isOver) return { reason: "expired" };
  const { userId, sessionId } = known;
  return { userId, sessionId, signIn: (await readSignIn(context, userId, sessionId)) ?? known.signIn, known };
}

async function bySession(
  context: Context,
  { userId, sessionId }: { userId: Types.ObjectId; sessionId: Types.ObjectId },
): Promise<Found | { reason: ReportRefusal }> {
  const [signIn, known] = await Promise.all([
    readSignIn(context, userId, sessionId),
    findByQuery(context.models, queries.signInReportOf(userId, sessionId)),
  ]);
  if (!signIn) return { reason: "unknown" };
  if (known) assertKnownVersion(known);
  return { userId, sessionId, signIn, known };
}

const facts = {
  createdAt: 1,
  revokedAt: 1,
  proofs: 1,
  userAgent: 1,
  ip: 1,
  location: 1,
  risk: 1,
  "impersonation.actor": 1,
} as const;

async function readSignIn(
  { models }: Context,
  userId: Types.ObjectId,
  sessionId: Types.ObjectId,
): Promise<ReportedSignIn | undefined> {
  const stored = await findByQuery(models, queries.sessionById({ ownerId: userId, id: sessionId }), facts);
  // Who acts for a user has not signed in as them: that session is ended, and nothing else is taken off.
  if (!stored || stored.impersonation) return undefined;
  const { createdAt: at, revokedAt: endedAt, proofs, device, network, location, risk } = readSession(stored);
  return {
    at,
    ...(endedAt && { endedAt }),
    ...(proofs && { methods: proofs.map(({ method }) => method) }),
    device: device.label,
    ...(network && { network }),
    ...(location?.country && { country: location.country }),
    risk,
  };
}

const nothing = {
  passkeys: [],
  externalIdentities: [],
  apiKeys: [],
  apps: [],
  totp: false,
  recoveryCodes: false,
  password: false,
} as const;

/** @returns `undefined` when another press was first. */
async function make(
  context: Context,
  { userId, sessionId, signIn, known }: Found,
  fromSessionId: Types.ObjectId | undefined,
): Promise<MadeReport | undefined> {
  const { models, now, policies } = context;
  const { collection } = models.SignInReport;
  const made = {
    state: "pending" as const,
    reportedAt: now,
    ...(fromSessionId && { fromSessionId }),
    userGeneration: (await generationOf(context, userId)) ?? 0,
    signIn,
    takenOff: nothing,
    undoUntil: new Date(now.getTime() + policies.oneTimeTokens.signInReportLifetimeMs),
    sweepAt: new Date(now.getTime() + resumeAfterMs),
    purgeAt: new Date(now.getTime() + policies.retention.signInReportsMs),
  };
  if (known) {
    const claimed = { _id: known._id, state: "offered" };
    const options = { returnDocument: "after" } as const;
    return (await findAndUpdate(models.SignInReport, claimed, { $set: made }, options)) as
      | MadeReport
      | undefined;
  }
  const report = { _id: new Types.ObjectId(), userId, sessionId, createdAt: now, ...made };
  try {
    await collection.insertOne({ ...report, schemaVersion: currentSchemaVersion });
    return { ...report, schemaVersion: currentSchemaVersion } as unknown as MadeReport;
  } catch (error) {
    if (isDuplicateKey(error)) return undefined;
    throw error;
  }
}
