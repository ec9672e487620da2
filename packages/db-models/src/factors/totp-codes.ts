/** The codes of an authenticator app: which are right, and that each counts once. */

import { timingSafeEqual } from "node:crypto";
import type { Types } from "mongoose";
import type { Context } from "../context/context.js";
import { unsealText } from "../core/seal-keys.js";
import { totpCode, totpStepAt } from "../core/totp.js";
import { typedCode } from "../core/typed-codes.js";
import { isUsedStep, type UsedSteps, withUsedStep } from "../core/used-steps.js";
import type { TotpSecret } from "../schemas/user-factors.js";
import { findFactors } from "./account.js";
import {
  type FactorAttempt,
  type FactorDelayed,
  forgiveFactorAttempts,
  noteWrongCode,
  reserveFactorAttempt,
} from "./attempts.js";
import { inPlace, ownerOfTotp, underCurrentKey } from "./totp-secret.js";

/** `code_used`: a code of this time step, or of one just after it, was accepted before. */
export type CodeRefused = { ok: false; reason: "malformed" | "not_enrolled" | "wrong_code" | "code_used" };
export type TotpCheck = { ok: true; method: "totp" } | FactorDelayed | CodeRefused;

/** A right code that is not used yet: the app that shows it, and its time step. */
export interface TotpCode {
  appId: Types.ObjectId;
  step: number;
}

export type TotpCodeCheck = { ok: true; method: "totp"; code: TotpCode } | FactorDelayed | CodeRefused;
export type TotpCodeUse = { ok: true } | { ok: false; reason: "not_enrolled" | "code_used" };

interface Presented {
  userId: Types.ObjectId;
  code: unknown;
}

export async function verifyTotp(context: Context, { userId, code }: Presented): Promise<TotpCheck> {
  const check = await checkTotp(context, { userId, code });
  if (!check.ok) return check;
  const used = await useTotp(context, { userId, code: check.code });
  return used.ok ? { ok: true, method: "totp" } : used;
}

export async function checkTotp(context: Context, { userId, code }: Presented): Promise<TotpCodeCheck> {
  const digits = digitsOf(code);
  if (digits === undefined) return { ok: false, reason: "malformed" };
  const totp = (await findFactors(context, userId))?.totp;
  if (!totp) return { ok: false, reason: "not_enrolled" };
  const step = await evaluateCode(context, userId, { secret: totp, digits, used: totp.usedSteps });
  if (typeof step !== "number") return step;
  await forgiveFactorAttempts(context, userId);
  return { ok: true, method: "totp", code: { appId: totp.id, step } };
}

export async function useTotp(
  context: Context,
  { userId, code: { appId, step } }: { userId: Types.ObjectId; code: TotpCode },
): Promise<TotpCodeUse> {
  const { models, now, policies } = context;
  for (;;) {
    const totp = (await findFactors(context, userId))?.totp;
    if (!totp?.id.equals(appId)) return { ok: false, reason: "not_enrolled" };
    if (isUsedStep(totp.usedSteps, step)) return { ok: false, reason: "code_used" };
    const usedSteps = withUsedStep(totp.usedSteps, step, policies.factors.windowSteps);
    const sealed = underCurrentKey(context, userId, totp);
    const set = {
      "totp.usedSteps": usedSteps,
      "totp.lastUsedAt": now,
      ...(sealed && inPlace(sealed)),
      updatedAt: now,
    };
    const { modifiedCount } = await models.UserFactors.collection.updateOne(
      { userId, "totp.id": appId, "totp.usedSteps": totp.usedSteps },
      // Who uses a factor has not lost them all.
      { $set: set, $unset: { recovery: "" } },
    );
    if (modifiedCount === 1) return { ok: true };
    // Another code was used in between, which closed steps: there are only a few more of those.
  }
}

/** People type codes in groups. */
export function digitsOf(code: unknown): string | undefined {
  if (typeof code !== "string" || code.length > 16) return undefined;
  const digits = typedCode(code);
  return /^[0-9]{6}$/.test(digits) ? digits : undefined;
}

/** The time step of a right code that is not used; or why it is not accepted. Counts the attempt. */
export async function evaluateCode(
  context: Context,
  userId: Types.ObjectId,
  { secret, digits, used }: { secret: TotpSecret; digits: string; used: UsedSteps },
): Promise<number | FactorDelayed | CodeRefused> {
  // Before anything is counted: a key that is missing is not the user's failure.
  const text = unsealText(context.sealKeys, secret, ownerOfTotp(userId, secret.id));
  const attempt = await reserveFactorAttempt(context, userId);
  if (!attempt.ok) return attempt;
  const steps = matchingSteps(context, Buffer.from(text, "base64url"), digits);
  const step = steps.find((one) => !isUsedStep(used, one));
  return step ?? refuse(context, userId, attempt, steps.length > 0);
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
