import { randomInt } from "node:crypto";
import { Types } from "mongoose";
import type { Context } from "../context/context.js";
import type { ProofMethod } from "../core/assurance.js";
import { clockToleranceMs, isOver } from "../core/clock.js";
import { IdentityError } from "../core/errors.js";
import { duration, limits } from "../core/limits.js";
import { hashPassword, verifyPassword } from "../core/passwords.js";
import { keptFor } from "../core/profile-retention.js";
import { equalHashes, mintToken, parseToken, sha256 } from "../core/secrets.js";
import { typedCode } from "../core/typed-codes.js";
import { queries } from "../queries/queries.js";
import { findByQuery } from "../queries/run-query.js";
import type { LoginChallengeDocument } from "../schemas/login-challenge.js";
import { currentSchemaVersion } from "../schemas/parts/version.js";
import type { RiskAssessment } from "../schemas/user-session.js";
import { readRisk } from "../stored/session.js";
import { updateProfile } from "./reserve.js";

/** Ten minutes: what NIST SP 800-63B-4 section 3.1.3.2 allows a code that is sent. */
const lifetimeMs = 10 * duration.minute;
const codeDigits = 8;
const maxAttempts = 5;
const quarterHourMs = 15 * duration.minute;

/** A sign-in that is not finished, as far as it has come. */
export interface LoginChallengeInput {
  userId: Types.ObjectId;
  /** `sessionGeneration` that the first proof saw. */
  sessionGeneration: number;
  risk: RiskAssessment;
  /** What was proved so far. Default: `["password"]`. */
  proofs?: readonly ProofMethod[];
  /** Key of the client that began, such as its device cookie: then only it may go on. Default: anybody with the token. */
  client?: string;
}

/** An unfinished sign-in that factors of the account are to finish. */
export interface FactorChallengeInput extends LoginChallengeInput {
  /** Methods of which one is to be proved. */
  ask: readonly ProofMethod[];
}

export interface CreatedFactorChallenge {
  /** For the client, here and never again. */
  token: string;
  expiresAt: Date;
}

export interface CreatedLoginChallenge extends CreatedFactorChallenge {
  /** For the person, by another way than the client's: eight digits. */
  code: string;
}

/**
 * `no_attempts_left` also when the last attempt was just used up; `not_asked` for a method that the sign-in is not asked
 * for; `other_client` when another client began.
 */
export type ChallengeRefusal =
  | "malformed"
  | "unknown"
  | "expired"
  | "used"
  | "wrong_code"
  | "not_asked"
  | "other_client"
  | "no_attempts_left";

/** A sign-in that goes on: what it was, and what it has proved before. */
export interface ResumedSignIn {
  ok: true;
  id: Types.ObjectId;
  userId: Types.ObjectId;
  sessionGeneration: number;
  risk: RiskAssessment;
  proofs: ProofMethod[];
}

/** A sign-in that waits for a proof. */
export interface HeldSignIn extends ResumedSignIn {
  /** Methods of which one is to be proved. */
  ask: ProofMethod[];
  expiresAt: Date;
}

interface RefusedChallenge {
  ok: false;
  reason: ChallengeRefusal;
  userId?: Types.ObjectId;
}

export type LoginChallengeCheck = ResumedSignIn | RefusedChallenge;
export type HeldSignInCheck = HeldSignIn | RefusedChallenge;

export interface ChallengeAttemptInput {
  /** As presented. */
  token: unknown;
  /** The method of which a proof is about to be evaluated. */
  method: ProofMethod;
  client?: string | undefined;
}

export async function createLoginChallenge(
  context: Context,
  input: LoginChallengeInput,
): Promise<CreatedLoginChallenge> {
  const id = new Types.ObjectId();
  if (!(await reserveChallenge(context, input.userId, id))) {
    throw new IdentityError("CHALLENGE_LIMIT", "too many challenges of this account in a short time");
  }
  const code = String(randomInt(10 ** codeDigits)).padStart(codeDigits, "0");
  const codeHash = await hashPassword(code);
  const { proofs = ["password"] } = input;
  const created = await insertChallenge(context, { ...input, _id: id, proofs, ask: ["email"], codeHash });
  return { ...created, code };
}

export async function createFactorChallenge(
  context: Context,
  input: FactorChallengeInput,
): Promise<CreatedFactorChallenge> {
  const { proofs = ["password"], ask } = input;
  if (ask.length === 0 || ask.includes("email")) {
    throw new IdentityError("INVALID_INPUT", "ask: must have a method, and not email");
  }
  return insertChallenge(context, { ...input, _id: new Types.ObjectId(), proofs, ask });
}

interface NewChallenge extends Required<Omit<FactorChallengeInput, "client">> {
  _id: Types.ObjectId;
  client?: string;
  codeHash?: string;
}

async function insertChallenge(
  { models, now }: Context,
  { _id, userId, proofs, ask, client, codeHash, risk, ...input }: NewChallenge,
): Promise<CreatedFactorChallenge> {
  const token = mintToken("challenge");
  const expiresAt = new Date(now.getTime() + lifetimeMs);
  const challenge: LoginChallengeDocument = {
    _id,
    userId,
    tokenHash: sha256(token.raw),
    ...(codeHash !== undefined && { codeHash }),
    proofs: [...proofs],
    ask: [...ask],
    ...(client !== undefined && { clientHash: hashOfClient(client) }),
    userGeneration: input.sessionGeneration,
    risk,
    attemptsLeft: maxAttempts,
    createdAt: now,
    expiresAt,
    purgeAt: new Date(expiresAt.getTime() + duration.day),
    schemaVersion: currentSchemaVersion,
  };
  await models.LoginChallenge.collection.insertOne({ ...challenge });
  return { token: token.raw, expiresAt };
}

const hashOfClient = (client: string) => sha256(`client:${client}`);

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

export interface ChallengeCodeInput {
  /** As presented, like the code. */
  token: unknown;
  code: unknown;
  client?: string | undefined;
  /** Leaves the sign-in held: who finishes it ends it with `passChallenge`. Default: false. */
  keep?: boolean;
}

export async function verifyLoginChallenge(
  context: Context,
  { token, code: typed, client, keep = false }: ChallengeCodeInput,
): Promise<LoginChallengeCheck> {
  const code = typeof typed === "string" && typed.length <= 32 ? typedCode(typed) : "";
  if (!/^[0-9]{8}$/.test(code)) return { ok: false, reason: "malformed" };
  const taken = await takeAttempt(context, { token, method: "email", client });
  if (!taken.ok) return taken;
  const { userId, attemptsLeft, codeHash } = taken.challenge;
  if (codeHash === undefined || !(await verifyPassword(codeHash, code))) {
    return { ok: false, reason: attemptsLeft === 0 ? "no_attempts_left" : "wrong_code", userId };
  }
  const { _id: id } = taken.challenge;
  return keep || (await passChallenge(context, { id }))
    ? resumed(taken.challenge)
    : { ok: false, reason: "used", userId };
}

export async function readChallenge(
  context: Context,
  { token: presented, client }: Pick<ChallengeAttemptInput, "token" | "client">,
): Promise<HeldSignInCheck> {
  const { models, now } = context;
  const token = parseToken("challenge", presented);
  if (!token) return { ok: false, reason: "malformed" };
  const challenge = await findByQuery(models, queries.challengeByToken(sha256(token.raw)));
  if (!challenge) return { ok: false, reason: "unknown" };
  const { ask, expiresAt, userId } = challenge;
  const reason = closedBy(challenge, { now, clients: clientsOf(client) });
  return reason ? { ok: false, reason, userId } : { ...resumed(challenge), ask, expiresAt };
}

export async function attemptChallenge(
  context: Context,
  input: ChallengeAttemptInput,
): Promise<LoginChallengeCheck> {
  const taken = await takeAttempt(context, input);
  return taken.ok ? resumed(taken.challenge) : taken;
}

export async function passChallenge(
  { models, now }: Context,
  { id }: { id: Types.ObjectId },
): Promise<boolean> {
  const { modifiedCount } = await models.LoginChallenge.collection.updateOne(
    { _id: id, passedAt: null },
    { $set: { passedAt: now } },
  );
  return modifiedCount === 1;
}

async function takeAttempt(
  context: Context,
  { token: presented, method, client }: ChallengeAttemptInput,
): Promise<{ ok: true; challenge: LoginChallengeDocument } | RefusedChallenge> {
  const { models, now } = context;
  const token = parseToken("challenge", presented);
  if (!token) return { ok: false, reason: "malformed" };
  const query = queries.challengeByToken(sha256(token.raw));
  const clients = clientsOf(client);
  const open = { passedAt: null, expiresAt: { $gt: now, $lte: latestExpiry(now) }, attemptsLeft: { $gt: 0 } };
  const asked = { ask: method, clientHash: { $in: clients } };
  const taken = (await models.LoginChallenge.collection.findOneAndUpdate(
    { ...(query.filter as object), ...open, ...asked },
    { $inc: { attemptsLeft: -1 } },
    { returnDocument: "after" },
  )) as LoginChallengeDocument | null;
  if (taken) return { ok: true, challenge: taken };
  const challenge = await findByQuery(models, query);
  if (!challenge) return { ok: false, reason: "unknown" };
  const { userId, ask } = challenge;
  const closed = closedBy(challenge, { now, clients });
  // The last attempt may have been taken meanwhile.
  const reason = closed ?? (ask.includes(method) ? "no_attempts_left" : "not_asked");
  return { ok: false, reason, userId };
}

function resumed({ _id, userId, userGeneration, risk, proofs }: LoginChallengeDocument): ResumedSignIn {
  return { ok: true, id: _id, userId, sessionGeneration: userGeneration, risk: readRisk(risk), proofs };
}

/** A later one was made by a clock that was wrong. */
function latestExpiry(now: Date): Date {
  return new Date(now.getTime() + lifetimeMs + clockToleranceMs);
}

interface Presented {
  now: Date;
  clients: readonly (Buffer | null)[];
}

/** The clients that a presenter may be: nobody's in particular, and the one that began. */
function clientsOf(client: string | undefined): (Buffer | null)[] {
  return client === undefined ? [null] : [null, hashOfClient(client)];
}

/** Why nobody goes on with a held sign-in; `undefined` while it is open. */
function closedBy(
  challenge: LoginChallengeDocument,
  { now, clients }: Presented,
): ChallengeRefusal | undefined {
  const isTheirs = clients.some((client) =>
    client === null ? challenge.clientHash === undefined : equalHashes(client, challenge.clientHash),
  );
  if (!isTheirs) return "other_client";
  if (challenge.passedAt) return "used";
  if (isOver(challenge.expiresAt, now) || challenge.expiresAt > latestExpiry(now)) return "expired";
  return challenge.attemptsLeft > 0 ? undefined : "no_attempts_left";
}
