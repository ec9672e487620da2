import { randomBytes } from "node:crypto";
import type { Types } from "mongoose";
import type { Context } from "../context/context.js";
import { limits } from "../core/limits.js";
import { equalHashes, sha256 } from "../core/secrets.js";
import { typedCode } from "../core/typed-codes.js";
import { findAndUpdate } from "../queries/update.js";
import { recordSecurityEvent } from "../security-events/events.js";
import {
  type FactorSession,
  findFactors,
  hasFactor,
  noteChange,
  type ReauthenticationRequired,
  refusalOfChange,
} from "./account.js";

export type RecoveryCodes =
  | {
      ok: true;
      /** Ten codes, here and never again. */
      codes: string[];
    }
  | ReauthenticationRequired
  | { ok: false; reason: "not_enrolled" };

export type RecoveryCodeCheck =
  | {
      ok: true;
      method: "recovery_code";
      /** Codes that are unused. */
      left: number;
    }
  | RecoveryCodeRefused;

interface RecoveryCodeRefused {
  ok: false;
  reason: "malformed" | "wrong_code";
}

// Crockford's base 32: no letter that reads as a digit or as another.
const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const codeLength = 26; // 130 bits
const groupLength = 5;

export async function createRecoveryCodes(
  context: Context,
  { session }: { session: FactorSession },
): Promise<RecoveryCodes> {
  const { models, now } = context;
  const { userId } = session;
  const factors = await findFactors(context, userId);
  if (!hasFactor(factors)) return { ok: false, reason: "not_enrolled" };
  const refusal = refusalOfChange(context, session, factors);
  if (refusal) return refusal;
  const codes = Array.from({ length: limits.recoveryCodes }, newCode);
  const recoveryCodes = codes.map((code) => ({ codeHash: hashOf(code) }));
  const { matchedCount } = await models.UserFactors.collection.updateOne(
    // A code stands in for a factor: without one it would be nothing but a second password.
    { userId, enabledAt: { $exists: true } },
    { $set: { recoveryCodes, recoveryCodesOfSession: session.id, updatedAt: now } },
  );
  if (matchedCount === 0) return { ok: false, reason: "not_enrolled" };
  await noteChange(context, session, "recovery_codes_created");
  return { ok: true, codes: codes.map(grouped) };
}

export async function checkRecoveryCode(
  context: Context,
  { userId, code }: { userId: Types.ObjectId; code: unknown },
): Promise<{ ok: true; method: "recovery_code" } | RecoveryCodeRefused> {
  const typed = codeOf(code);
  if (typed === undefined) return { ok: false, reason: "malformed" };
  const factors = await findFactors(context, userId);
  const codeHash = hashOf(typed);
  const isTheirs = factors?.recoveryCodes?.some((one) => equalHashes(codeHash, one.codeHash));
  return isTheirs ? { ok: true, method: "recovery_code" } : { ok: false, reason: "wrong_code" };
}

export async function verifyRecoveryCode(
  context: Context,
  { userId, code }: { userId: Types.ObjectId; code: unknown },
): Promise<RecoveryCodeCheck> {
  const { models, now } = context;
  const typed = codeOf(code);
  if (typed === undefined) return { ok: false, reason: "malformed" };
  const codeHash = hashOf(typed);
  // Of any number of uses of one code one finds it.
  const left = await findAndUpdate(
    models.UserFactors,
    { userId, "recoveryCodes.codeHash": codeHash },
    { $pull: { recoveryCodes: { codeHash } }, $set: { updatedAt: now }, $unset: { recovery: "" } },
    { returnDocument: "after", projection: { recoveryCodes: 1 } },
  );
  if (!left) return { ok: false, reason: "wrong_code" };
  await recordSecurityEvent(context, { userId, kind: "recovery_code_used", severity: "warning" });
  return { ok: true, method: "recovery_code", left: left.recoveryCodes?.length ?? 0 };
}

function newCode(): string {
  return [...randomBytes(codeLength)].map((byte) => alphabet[byte & 31]).join("");
}

function grouped(code: string): string {
  return (code.match(new RegExp(`.{1,${groupLength}}`, "g")) ?? []).join("-");
}

/** As people type it: in either case, with other separators, with letters that look like digits. */
function codeOf(code: unknown): string | undefined {
  if (typeof code !== "string" || code.length > 64) return undefined;
  const typed = typedCode(code).toUpperCase().replace(/O/g, "0").replace(/[IL]/g, "1");
  return typed.length === codeLength && [...typed].every((char) => alphabet.includes(char))
    ? typed
    : undefined;
}

// Two users' equal codes would have one hash; of 130 random bits there are none, and the user is part of the filter.
function hashOf(code: string): Buffer {
  return sha256(`recovery:${code}`);
}
