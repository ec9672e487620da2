import { randomInt } from "node:crypto";
import { Types } from "mongoose";
import type { Context } from "../context/context.js";
import { clockToleranceMs } from "../core/clock.js";
import { IdentityError } from "../core/errors.js";
import { duration, limits } from "../core/limits.js";
import { hashPassword, verifyPassword } from "../core/passwords.js";
import { keptFor } from "../core/profile-retention.js";
import { mintToken, parseToken, sha256 } from "../core/secrets.js";
import { queries } from "../queries/queries.js";
import { findByQuery } from "../queries/run-query.js";
import type { LoginChallengeDocument } from "../schemas/login-challenge.js";
import { currentSchemaVersion } from "../schemas/parts/version.js";
import type { RiskAssessment } from "../schemas/user-session.js";
import { updateProfile } from "./reserve.js";

/** Ten minutes: what NIST SP 800-63B-4 section 3.1.3.2 allows a code that is sent. */
const lifetimeMs = 10 * duration.minute;
const codeDigits = 8;
const maxAttempts = 5;
const quarterHourMs = 15 * duration.minute;

export interface LoginChallengeInput {
  userId: Types.ObjectId;
  /** `sessionGeneration` that the password check saw. */
  sessionGeneration: number;
  risk: RiskAssessment;
}

export interface CreatedLoginChallenge {
  /** For the client, here and never again. */
  token: string;
  /** For the person, by another way than the client's: eight digits. */
  code: string;
  expiresAt: Date;
}

/** `no_attempts_left` also when the last attempt was just used up. */
export type ChallengeRefusal =
  | "malformed"
  | "unknown"
  | "expired"
  | "used"
  | "wrong_code"
  | "no_attempts_left";

export type LoginChallengeCheck =
  | ({ ok: true; id: Types.ObjectId } & LoginChallengeInput)
  | { ok: false; reason: ChallengeRefusal; userId?: Types.ObjectId };

export async function createLoginChallenge(
  context: Context,
  input: LoginChallengeInput,
): Promise<CreatedLoginChallenge> {
  const { models, now } = context;
  const id = new Types.ObjectId();
  if (!(await reserveChallenge(context, input.userId, id))) {
    throw new IdentityError("CHALLENGE_LIMIT", "too many challenges of this account in a short time");
  }
  const token = mintToken("challenge");
  const code = String(randomInt(10 ** codeDigits)).padStart(codeDigits, "0");
  const expiresAt = new Date(now.getTime() + lifetimeMs);
  const challenge: LoginChallengeDocument = {
    _id: id,
    userId: input.userId,
    tokenHash: sha256(token.raw),
    codeHash: await hashPassword(code),
    userGeneration: input.sessionGeneration,
    risk: input.risk,
    attemptsLeft: maxAttempts,
    createdAt: now,
    expiresAt,
    purgeAt: new Date(expiresAt.getTime() + duration.day),
    schemaVersion: currentSchemaVersion,
  };
  await models.LoginChallenge.collection.insertOne({ ...challenge });
  return { token: token.raw, code, expiresAt };
}

/**
 * Counts a challenge in the update that decides whether there may be one more, so that of parallel calls no more than
 * the limit get one. A moment that a wrong clock dated ahead does not count.
 */
async function reserveChallenge(
  context: Context,
  userId: Types.ObjectId,
  id: Types.ObjectId,
): Promise<boolean> {
  const { now } = context;
  const since = new Date(now.getTime() - quarterHourMs);
  const until = new Date(now.getTime() + clockToleranceMs);
  const stored = { $ifNull: ["$challenges", []] };
  const isRecent = { $and: [{ $gt: ["$$one.at", since] }, { $lte: ["$$one.at", until] }] };
  const recent = { $filter: { input: stored, as: "one", cond: isRecent } };
  // A retry after an answer that got lost finds its own entry, and adds none.
  const isCounted = { $in: [id, { $map: { input: stored, as: "one", in: "$$one.id" } }] };
  const isFull = { $gte: [{ $size: recent }, limits.challenges] };
  const profile = await updateProfile(context, "user", userId.toHexString(), {
    challenges: {
      $cond: [{ $or: [isCounted, isFull] }, stored, { $concatArrays: [recent, [{ id, at: now }]] }],
    },
    counter: { $ifNull: ["$counter", { failures: 0 }] },
    devices: { $ifNull: ["$devices", []] },
    purgeAt: keptFor(duration.day, now),
  });
  return profile.challenges?.some((one) => one.id.equals(id)) ?? false;
}

export async function verifyLoginChallenge(
  context: Context,
  input: { token: unknown; code: unknown },
): Promise<LoginChallengeCheck> {
  const { models, now } = context;
  const token = parseToken("challenge", input.token);
  const { code } = input;
  if (!token || typeof code !== "string" || !/^\d{8}$/.test(code)) return { ok: false, reason: "malformed" };
  const { collection } = models.LoginChallenge;
  const query = queries.challengeByToken(sha256(token.raw));
  const open = { passedAt: null, expiresAt: { $gt: now, $lte: latestExpiry(now) }, attemptsLeft: { $gt: 0 } };
  const taken = (await collection.findOneAndUpdate(
    { ...(query.filter as object), ...open },
    { $inc: { attemptsLeft: -1 } },
    { returnDocument: "after" },
  )) as LoginChallengeDocument | null;
  if (!taken) return refusal(await findByQuery(models, query), now);
  const { _id: id, userId, userGeneration: sessionGeneration, risk } = taken;
  if (!(await verifyPassword(taken.codeHash, code))) {
    return { ok: false, reason: taken.attemptsLeft === 0 ? "no_attempts_left" : "wrong_code", userId };
  }
  const passed = await collection.updateOne({ _id: id, passedAt: null }, { $set: { passedAt: now } });
  if (passed.modifiedCount === 0) return { ok: false, reason: "used", userId };
  return { ok: true, id, userId, sessionGeneration, risk };
}

/** A later one was made by a clock that was wrong. */
function latestExpiry(now: Date): Date {
  return new Date(now.getTime() + lifetimeMs + clockToleranceMs);
}

function refusal(challenge: LoginChallengeDocument | undefined, now: Date): LoginChallengeCheck {
  if (!challenge) return { ok: false, reason: "unknown" };
  const { userId } = challenge;
  if (challenge.passedAt) return { ok: false, reason: "used", userId };
  if (challenge.expiresAt <= now || challenge.expiresAt > latestExpiry(now))
    return { ok: false, reason: "expired", userId };
  return { ok: false, reason: "no_attempts_left", userId };
}
