import type { ProofMethod } from "@org/db-models";
import type { Types } from "mongoose";
import type { FlowContext } from "../context.js";
import { notifyLater } from "../notices/notify-later.js";
import { originOf } from "../origin.js";
import { IdentityProblem } from "../problems.js";
import type { Requester } from "../requester.js";
import { recoveryCodeAlert } from "../sign-in/alerts.js";

/** Proofs of second factors, as typed or as the browser gave them. */
export interface FactorCodes {
  /** Code of the authenticator app. */
  readonly totp?: string | undefined;
  readonly recoveryCode?: string | undefined;
  /** Answer of a passkey to options that were made for this user. */
  readonly passkey?: unknown;
}

/** Uses up what counts once, as the last step of what it was given for. */
export type Spend = () => Promise<Spent>;
type Spent = { readonly ok: true } | { readonly ok: false; readonly reason: string };

export type CheckedFactor =
  | { readonly ok: true; readonly method: ProofMethod; readonly spend: Spend }
  | { readonly ok: false; readonly reason: string };

/** Of a proof that is used up by its check, or never. */
export const nothingToSpend: Spend = async () => ({ ok: true });

/**
 * Checks a proof of a second factor of a user. A security key that verifies nobody is one too. A code stays good until it is
 * spent, so that what fails meanwhile costs none.
 *
 * @throws IdentityProblem `SIGN_IN_DELAYED` after too many wrong ones.
 */
export async function checkFactor(
  context: FlowContext,
  requester: Requester,
  userId: Types.ObjectId,
  { totp, recoveryCode: code, passkey }: FactorCodes,
): Promise<CheckedFactor> {
  const { factors } = context.identity;
  if (passkey !== undefined) {
    const check = await factors.finishPasskeyAuthentication({ userId, response: passkey });
    return check.ok ? { ...check, spend: nothingToSpend } : check;
  }
  if (totp !== undefined) {
    const check = await factors.checkTotp({ userId, code: totp });
    if (!check.ok && check.reason === "delayed") throw delayed(check);
    return check.ok ? { ...check, spend: () => factors.useTotp({ userId, code: check.code }) } : check;
  }
  const check = await factors.checkRecoveryCode({ userId, code });
  return check.ok ? { ...check, spend: () => spendRecoveryCode(context, requester, userId, code) } : check;
}

/** Uses up a recovery code, and reports it to its owner. */
async function spendRecoveryCode(
  context: FlowContext,
  requester: Requester,
  userId: Types.ObjectId,
  code: string | undefined,
): Promise<Spent> {
  const check = await context.identity.factors.verifyRecoveryCode({ userId, code });
  if (!check.ok) return check;
  const { email } = await context.identity.users.read(userId);
  notifyLater(context, requester, recoveryCodeAlert(check.left, email, originOf(requester)));
  return check;
}

/** The refusal of an attempt that came too soon. */
export function delayed({ retryAfterMs }: { retryAfterMs: number }): IdentityProblem {
  return new IdentityProblem("SIGN_IN_DELAYED", { retryAfterMs });
}

/** The methods that these inputs are proofs of, in the order in which they are checked. */
export function methodsOf(input: FactorCodes & { password?: unknown; code?: unknown }): ProofMethod[] {
  return [
    ...(input.password === undefined ? [] : (["password"] as const)),
    ...(input.code === undefined ? [] : (["email"] as const)),
    ...(input.totp === undefined ? [] : (["totp"] as const)),
    ...(input.recoveryCode === undefined ? [] : (["recovery_code"] as const)),
    ...(input.passkey === undefined ? [] : (["passkey"] as const)),
  ];
}
