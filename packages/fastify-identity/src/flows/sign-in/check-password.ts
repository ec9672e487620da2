import type { Authentication, ReservedLoginAttempt } from "@org/db-models";
import type { Types } from "mongoose";
import { z } from "zod";
import type { FlowContext } from "../context.js";
import { factWithin } from "../given.js";
import { originOf } from "../origin.js";
import { IdentityProblem } from "../problems.js";
import type { Requester } from "../requester.js";

export interface Credentials {
  identifier: string;
  password: string;
}

/** Result of a password check, and the earlier failures that still count. */
export interface CheckedPassword {
  checked: Authentication;
  failures: SignInFailures;
}

/** Failures before an attempt that still count. */
export interface SignInFailures {
  account: number;
  network: number;
}

/** Begins reads that a right password needs, while it is being checked. */
export type BesidePassword = (userId: Types.ObjectId, failures: SignInFailures) => void;

/**
 * Checks a password behind the brute-force defence, which counts the attempt before the password is looked at.
 *
 * @throws IdentityProblem `SIGN_IN_DELAYED`.
 */
export async function checkPassword(
  context: FlowContext,
  credentials: Credentials,
  requester: Requester,
): Promise<CheckedPassword> {
  const { settled, ...result } = await checkAhead(context, credentials, requester);
  await settled;
  return result;
}

/**
 * As {@link checkPassword}, for who goes on while the defence notes what came of it, and waits for that before an answer.
 *
 * @param deviceCookie - what the device will be known by once the password was right.
 * @throws IdentityProblem `SIGN_IN_DELAYED`.
 */
export async function checkAhead(
  context: FlowContext,
  credentials: Credentials,
  requester: Requester,
  { deviceCookie, beside }: { deviceCookie?: string | undefined; beside?: BesidePassword } = {},
): Promise<CheckedPassword & { settled: Promise<void> }> {
  const attempt = await reserve(context, credentials.identifier, requester);
  const failures = { account: attempt.accountFailures, network: attempt.networkFailures };
  const checked = await context.identity.users.authenticate({
    ...credentials,
    ...(beside && { beside: (userId) => beside(userId, failures) }),
  });
  // Who knows the password of an account that is not active has guessed nothing.
  const succeeded = checked.ok || checked.reason === "not_active";
  const outcome = {
    attempt,
    succeeded,
    origin: originOf(requester),
    ...(checked.userId && { userId: checked.userId }),
    ...(deviceCookie && checked.ok && { deviceCookie }),
    defer: (record: () => Promise<void>) => {
      requester.defer(record);
    },
  };
  return { checked, failures, settled: context.identity.logins.settle(outcome) };
}

/** A check that fails or takes too long has seen no solved challenge. */
function solved({ hookTimeoutMs }: FlowContext, requester: Requester): Promise<boolean> {
  const given = { part: "solvesChallenge", shape: z.boolean(), otherwise: false };
  return factWithin(requester.log, given, hookTimeoutMs, () => requester.challengeSolved());
}

/** Sign-ins of one account that come at once wait so long for each other, rather than being taken for guesses. */
const evaluationWaitMs = 2_000;

async function reserve(
  context: FlowContext,
  identifier: string,
  requester: Requester,
): Promise<ReservedLoginAttempt> {
  const deviceCookie = requester.deviceId;
  const input = {
    identifier,
    ip: requester.address,
    ...(deviceCookie && { deviceCookie }),
    challengeSolved: await solved(context, requester),
    waitMs: evaluationWaitMs,
  };
  const admission = await context.identity.logins.reserve(input);
  if (admission.ok) return admission.attempt;
  const { retryAfterMs, challenge } = admission;
  throw new IdentityProblem("SIGN_IN_DELAYED", { retryAfterMs, challenge });
}
