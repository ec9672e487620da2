import { type Authentication, detectDevice, type ProofMethod, type ResumedSignIn } from "@org/db-models";
import type { Types } from "mongoose";
import { record } from "../account/factors.js";
import { checkFactor, type FactorCodes, methodsOf, nothingToSpend, type Spend } from "../account/prove.js";
import { audit, failedAttempt } from "../audit.js";
import type { FlowContext } from "../context.js";
import { IdentityProblem } from "../problems.js";
import type { Requester } from "../requester.js";
import { type BesidePassword, type Credentials, checkAhead, checkPassword } from "./check-password.js";
import type { SignedIn } from "./complete/candidate.js";
import { completeSignIn } from "./complete/complete-sign-in.js";
import { clientOf } from "./complete/hold.js";
import { readSignInAccount, type SignInAccount } from "./read-account.js";

/** Credentials, and what the device is to be known by from now on. */
export interface SignInInput extends Credentials {
  readonly deviceCookie?: string | undefined;
}

/** A proof that a held sign-in was asked for, exactly one, and the device cookie from now on. */
export interface ChallengeInput extends FactorCodes {
  /** As `CHALLENGE_REQUIRED` gave it. */
  readonly challenge: string;
  /** The code that was mailed. */
  readonly code?: string | undefined;
  readonly password?: string | undefined;
  readonly deviceCookie?: string | undefined;
  /** Asks for no second factor on this device from now on, as long as the account's policy and risk allow. */
  readonly rememberDevice?: boolean | undefined;
}

/**
 * Signs in with a password.
 *
 * @throws IdentityProblem `SIGN_IN_DELAYED`, `BAD_CREDENTIALS`, `USER_NOT_ACTIVE`, and as {@link completeSignIn}.
 */
export async function signIn(
  context: FlowContext,
  requester: Requester,
  { deviceCookie, ...credentials }: SignInInput,
): Promise<SignedIn> {
  let account: Promise<SignInAccount> | undefined;
  const beside: BesidePassword = (userId, failures) => {
    account = readSignInAccount(context, requester, userId, failures);
    // Nobody waits for it unless the password is right.
    account.catch(() => undefined);
  };
  const { checked, failures, settled } = await checkAhead(context, credentials, requester, {
    deviceCookie,
    beside,
  });
  if (!checked.ok) {
    await settled;
    await audit(context, requester, failedAttempt("session.opened", checked));
    throw new IdentityProblem(checked.reason === "not_active" ? "USER_NOT_ACTIVE" : "BAD_CREDENTIALS");
  }
  const { userId, sessionGeneration } = checked;
  const proofs = { userId, proofs: ["password"], sessionGeneration, failures, deviceCookie } as const;
  const signedIn = completeSignIn(context, requester, proofs, { account });
  // Also where the sign-in is refused: what is known of the attempt is noted before the answer.
  await Promise.allSettled([signedIn, settled]);
  await settled;
  return signedIn;
}

/**
 * Goes on with a held sign-in: with a right proof it gets its session, or is asked for another one.
 *
 * @throws IdentityProblem `CHALLENGE_FAILED`, `SIGN_IN_DELAYED`, and as {@link completeSignIn}; `INVALID_INPUT` unless
 * one proof is given.
 */
export async function answerChallenge(
  context: FlowContext,
  requester: Requester,
  { deviceCookie, rememberDevice = false, ...input }: ChallengeInput,
): Promise<SignedIn> {
  const [method, ...others] = methodsOf(input);
  if (!method || others.length > 0) throw new IdentityProblem("INVALID_INPUT");
  const resumed = await resume(context, requester, method, input);
  if (!resumed.ok) throw await failedProof(context, requester, resumed);
  const { id, userId, sessionGeneration, risk, proofs: before, method: proved, spend } = resumed;
  const proofs = [...before, proved];
  // Only who ends the challenge uses the proof up: what refuses or fails before costs nothing, and of any number at once one goes on.
  const claim = async () => {
    const isPassed = await context.identity.logins.passChallenge({ id });
    const spent = isPassed ? await spend() : ({ ok: false, reason: "used" } as const);
    if (!spent.ok) throw await failedProof(context, requester, { reason: spent.reason, userId });
  };
  const candidate = { userId, proofs, sessionGeneration, risk, deviceCookie };
  const signedIn = await completeSignIn(context, requester, candidate, { claim });
  if (rememberDevice) await remember(context, requester, signedIn, { proofs, deviceCookie });
  return signedIn;
}

async function failedProof(
  context: FlowContext,
  requester: Requester,
  { reason, userId }: { readonly reason: string; readonly userId?: Types.ObjectId },
): Promise<IdentityProblem> {
  const failed = { reason, ...(userId && { userId }) };
  await audit(context, requester, failedAttempt("session.opened", failed));
  return new IdentityProblem("CHALLENGE_FAILED", { reason });
}

/** The sign-in is done: a device that is not remembered costs its user another code, and no more. */
async function remember(
  context: FlowContext,
  requester: Requester,
  { id, userId }: SignedIn,
  { proofs: methods, deviceCookie }: { proofs: readonly ProofMethod[]; deviceCookie: string | undefined },
): Promise<void> {
  if (!deviceCookie) return;
  try {
    const at = context.clock.now();
    const session = { id, userId, proofs: methods.map((method) => ({ method, at })) };
    const { label } = detectDevice(requester.userAgent);
    const remembered = await context.identity.factors.rememberDevice({ session, deviceCookie, label });
    if (remembered.ok) await record(context, requester, session, "device_remembered");
  } catch (err) {
    requester.log.error({ err }, "a device was not remembered");
  }
}

type Resumed =
  | (ResumedSignIn & { readonly method: ProofMethod; readonly spend: Spend })
  | { readonly ok: false; readonly reason: string; readonly userId?: Types.ObjectId };

async function resume(
  context: FlowContext,
  requester: Requester,
  method: ProofMethod,
  { challenge: token, code, ...proof }: Omit<ChallengeInput, "deviceCookie">,
): Promise<Resumed> {
  const { logins } = context.identity;
  const client = clientOf(requester);
  if (method === "email") {
    const mailed = await logins.verifyChallenge({ token, code, client, keep: true });
    return mailed.ok ? { ...mailed, method, spend: nothingToSpend } : mailed;
  }
  const held = await logins.attemptChallenge({ token, method, client });
  if (!held.ok) return held;
  const { userId } = held;
  if (method === "password") {
    const check = await checkPasswordOf(context, requester, userId, proof.password ?? "");
    if (check.ok) return { ...held, method, spend: nothingToSpend };
    return { ok: false, reason: check.reason, userId };
  }
  const check = await checkFactor(context, requester, userId, proof);
  if (!check.ok) return { ok: false, reason: check.reason, userId };
  return { ...held, method: check.method, spend: check.spend };
}

async function checkPasswordOf(
  context: FlowContext,
  requester: Requester,
  userId: Types.ObjectId,
  password: string,
): Promise<Authentication> {
  const { email } = await context.identity.users.read(userId);
  return (await checkPassword(context, { identifier: email, password }, requester)).checked;
}
