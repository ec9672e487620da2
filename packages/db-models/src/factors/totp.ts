import { timingSafeEqual } from "node:crypto";
import { Types } from "mongoose";
import type { Context } from "../context/context.js";
import { type SealedText, sealText, unsealText } from "../core/seal-keys.js";
import { base32, newTotpSecret, totpCode, totpStepAt, totpUri } from "../core/totp.js";
import { typedCode } from "../core/typed-codes.js";
import { isUsedStep, type UsedSteps, withUsedStep } from "../core/used-steps.js";
import { queries } from "../queries/queries.js";
import type { TotpSecret } from "../schemas/user-factors.js";
import { readUser } from "../users/accounts.js";
import {
  type FactorSession,
  findFactors,
  noteChange,
  type ReauthenticationRequired,
  refusalOfChange,
} from "./account.js";
import {
  type FactorAttempt,
  type FactorDelayed,
  forgiveFactorAttempts,
  noteWrongCode,
  reserveFactorAttempt,
} from "./attempts.js";
import { changeFactors, garbageUnlessEnabled, removal } from "./changes.js";

export type TotpEnrolment =
  | {
      ok: true;
      /** 160 bits in base 32, here and never again: for who types it into the app. */
      secret: string;
      /** For the QR code; it has the secret too. */
      uri: string;
      expiresAt: Date;
    }
  | ReauthenticationRequired;

/** `code_used`: a code of this time step, or of one just after it, was accepted before. */
export type CodeRefused = { ok: false; reason: "malformed" | "not_enrolled" | "wrong_code" | "code_used" };
export type TotpConfirmation = { ok: true } | ReauthenticationRequired | FactorDelayed | CodeRefused;
export type TotpCheck = { ok: true; method: "totp" } | FactorDelayed | CodeRefused;
export type TotpRemoval = { ok: true } | ReauthenticationRequired | { ok: false; reason: "not_enrolled" };

const ownerOf = (userId: Types.ObjectId, id: Types.ObjectId) =>
  `totp:${userId.toHexString()}:${id.toHexString()}`;

export async function enrolTotp(
  context: Context,
  { session }: { session: FactorSession },
): Promise<TotpEnrolment> {
  const { now, policies, sealKeys } = context;
  const { userId } = session;
  const [factors, user] = await Promise.all([findFactors(context, userId), readUser(context, userId)]);
  const refusal = refusalOfChange(context, session, factors);
  if (refusal) return refusal;
  const id = new Types.ObjectId();
  const secret = newTotpSecret();
  const expiresAt = new Date(now.getTime() + policies.factors.enrolmentMs);
  const pendingTotp = {
    id,
    ...sealText(sealKeys, secret.toString("base64url"), ownerOf(userId, id)),
    expiresAt,
  };
  await changeFactors(context, userId, {
    pendingTotp: { $literal: pendingTotp },
    purgeAt: garbageUnlessEnabled(expiresAt),
  });
  const uri = totpUri(secret, policies.factors.issuer, user.email);
  return { ok: true, secret: base32(secret), uri, expiresAt };
}

export async function confirmTotp(
  context: Context,
  { session, code }: { session: FactorSession; code: unknown },
): Promise<TotpConfirmation> {
  const { models, now } = context;
  const { userId } = session;
  const digits = digitsOf(code);
  if (digits === undefined) return { ok: false, reason: "malformed" };
  const factors = await findFactors(context, userId);
  const refusal = refusalOfChange(context, session, factors);
  if (refusal) return refusal;
  const pending = factors?.pendingTotp;
  if (!pending || pending.expiresAt <= now) return { ok: false, reason: "not_enrolled" };
  const usedSteps = await evaluate(context, userId, pending, digits, []);
  if ("ok" in usedSteps) return usedSteps;
  const { id, keyId, sealedText } = pending;
  // The enrolment may have begun under a former key, which will be taken away.
  const sealed = underCurrentKey(context, userId, pending) ?? { keyId, sealedText };
  const moments = { usedSteps, confirmedAt: now, lastUsedAt: now };
  const totp = { id, ...sealed, ...moments, addedInSession: session.id };
  // The former app may be in other hands, and devices are remembered for what it proved.
  const forgotten = factors?.totp ? { rememberedDevices: "" } : {};
  const { modifiedCount } = await models.UserFactors.collection.updateOne(
    { userId, "pendingTotp.id": id },
    {
      $set: { totp, updatedAt: now },
      // Kept from an earlier factor.
      $min: { enabledAt: now },
      $unset: { pendingTotp: "", purgeAt: "", ...forgotten },
    },
  );
  if (modifiedCount === 0) return { ok: false, reason: "code_used" };
  await Promise.all([forgiveFactorAttempts(context, userId), noteChange(context, session, "totp_added")]);
  return { ok: true };
}

export async function verifyTotp(
  context: Context,
  { userId, code }: { userId: Types.ObjectId; code: unknown },
): Promise<TotpCheck> {
  const { models, now } = context;
  const digits = digitsOf(code);
  if (digits === undefined) return { ok: false, reason: "malformed" };
  const totp = (await findFactors(context, userId))?.totp;
  if (!totp) return { ok: false, reason: "not_enrolled" };
  const usedSteps = await evaluate(context, userId, totp, digits, totp.usedSteps);
  if ("ok" in usedSteps) return usedSteps;
  const sealed = underCurrentKey(context, userId, totp);
  const set = {
    "totp.usedSteps": usedSteps,
    "totp.lastUsedAt": now,
    ...(sealed && inPlace(sealed)),
    updatedAt: now,
  };
  // Of any number of uses of one code, in any number of processes, one finds the steps as it has read them.
  const { modifiedCount } = await models.UserFactors.collection.updateOne(
    { userId, "totp.id": totp.id, "totp.usedSteps": totp.usedSteps },
    // Who uses a factor has not lost them all.
    { $set: set, $unset: { recovery: "" } },
  );
  if (modifiedCount === 0) return { ok: false, reason: "code_used" };
  await forgiveFactorAttempts(context, userId);
  return { ok: true, method: "totp" };
}

export async function removeTotp(
  context: Context,
  { session }: { session: FactorSession },
): Promise<TotpRemoval> {
  const { models, now } = context;
  const { userId } = session;
  const factors = await findFactors(context, userId);
  if (!factors?.totp) return { ok: false, reason: "not_enrolled" };
  const refusal = refusalOfChange(context, session, factors);
  if (refusal) return refusal;
  const { modifiedCount } = await models.UserFactors.collection.updateOne(
    { userId, "totp.id": factors.totp.id },
    removal({ totp: "$$REMOVE", pendingTotp: "$$REMOVE" }, now),
  );
  if (modifiedCount === 0) return { ok: false, reason: "not_enrolled" };
  await noteChange(context, session, "totp_removed");
  return { ok: true };
}

/** Seals secrets that a former key sealed with the current one, at most `limit` of them, 1 to 10,000. */
export async function resealFactors(
  context: Context,
  { limit = 1_000 }: { limit?: number } = {},
): Promise<{ resealed: number; done: boolean }> {
  const { models, sealKeys } = context;
  const [current, ...former] = sealKeys;
  const most = Math.min(Math.max(Math.trunc(limit), 1), 10_000);
  const query = queries.factorsSealedWith(
    former.map(({ id }) => id),
    most,
  );
  const { collection } = models.UserFactors;
  const cursor = collection.find(query.filter as object).limit(most);
  let resealed = 0;
  let read = 0;
  for await (const { userId, totp } of cursor as AsyncIterable<{
    userId: Types.ObjectId;
    totp: TotpSecret;
  }>) {
    read += 1;
    const sealed = underCurrentKey(context, userId, totp);
    if (!sealed) continue;
    const { modifiedCount } = await collection.updateOne(
      { userId, "totp.id": totp.id, "totp.keyId": { $ne: current?.id } },
      { $set: inPlace(sealed) },
    );
    resealed += modifiedCount;
  }
  return { resealed, done: read < most };
}

/** The secret under the current key; `undefined` where it is under that key already. */
function underCurrentKey(
  { sealKeys }: Context,
  userId: Types.ObjectId,
  secret: TotpSecret,
): SealedText | undefined {
  if (secret.keyId === sealKeys[0]?.id) return undefined;
  const owner = ownerOf(userId, secret.id);
  return sealText(sealKeys, unsealText(sealKeys, secret, owner), owner);
}

const inPlace = ({ keyId, sealedText }: SealedText) => ({
  "totp.keyId": keyId,
  "totp.sealedText": sealedText,
});

/** People type codes in groups. */
function digitsOf(code: unknown): string | undefined {
  if (typeof code !== "string" || code.length > 16) return undefined;
  const digits = typedCode(code);
  return /^[0-9]{6}$/.test(digits) ? digits : undefined;
}

/** The used time steps with that of a code, which is none of them yet; or why it is not accepted. Counts the attempt. */
async function evaluate(
  context: Context,
  userId: Types.ObjectId,
  totp: TotpSecret,
  digits: string,
  used: UsedSteps,
): Promise<UsedSteps | FactorDelayed | CodeRefused> {
  // Before anything is counted: a key that is missing is not the user's failure.
  const text = unsealText(context.sealKeys, totp, ownerOf(userId, totp.id));
  const attempt = await reserveFactorAttempt(context, userId);
  if (!attempt.ok) return attempt;
  const steps = matchingSteps(context, Buffer.from(text, "base64url"), digits);
  const step = steps.find((one) => !isUsedStep(used, one));
  if (step === undefined) return refuse(context, userId, attempt, steps.length > 0);
  return withUsedStep(used, step, context.policies.factors.windowSteps);
}

async function refuse(
  context: Context,
  userId: Types.ObjectId,
  attempt: FactorAttempt,
  wasRight: boolean,
): Promise<CodeRefused> {
  await noteWrongCode(context, userId, attempt);
  return { ok: false, reason: wasRight ? "code_used" : "wrong_code" };
}

/** Every step of the window is computed, whichever matches. */
function matchingSteps({ now, policies }: Context, secret: Buffer, digits: string): number[] {
  const { windowSteps } = policies.factors;
  const current = totpStepAt(now);
  const presented = Buffer.from(digits);
  return Array.from({ length: 2 * windowSteps + 1 }, (_, index) => current - windowSteps + index).filter(
    (step) => step >= 0 && timingSafeEqual(Buffer.from(totpCode(secret, step)), presented),
  );
}
