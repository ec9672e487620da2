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

type Outcome =
  | { readonly ok: true; readonly method: ProofMethod }
  | { readonly ok: false; readonly reason: string };

/**
 * Checks a proof of a second factor of a user. A security key that verifies nobody is one too. A recovery code stays good
 * until {@link spendRecoveryCode}, so that what fails meanwhile costs none.
 *
 * @throws IdentityProblem `SIGN_IN_DELAYED` after too many wrong ones.
 */
export async function checkFactor(
  context: FlowContext,
  userId: Types.ObjectId,
  { totp, recoveryCode, passkey }: FactorCodes,
): Promise<Outcome> {
  const { factors } = context.identity;
  if (passkey !== undefined) return factors.finishPasskeyAuthentication({ userId, response: passkey });
  if (totp !== undefined) {
    const check = await factors.verifyTotp({ userId, code: totp });
    if (!check.ok && check.reason === "delayed") throw delayed(check);
    return check;
  }
  return factors.checkRecoveryCode({ userId, code: recoveryCode });
}

/** Uses up a recovery code that was checked, and reports it to its owner; nothing happens without one. */
export async function spendRecoveryCode(
  context: FlowContext,
  requester: Requester,
  userId: Types.ObjectId,
  { recoveryCode: code }: Pick<FactorCodes, "recoveryCode">,
): Promise<{ readonly ok: true } | { readonly ok: false; readonly reason: string }> {
  if (code === undefined) return { ok: true };
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
