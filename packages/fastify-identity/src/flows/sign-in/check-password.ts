import type { Authentication, ReservedLoginAttempt } from "@org/db-models";
import type { FlowContext } from "../context.js";
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
  failures: { account: number; network: number };
}

/**
 * Checks a password behind the brute-force defence, which counts the attempt before the password is looked at.
 *
 * @param deviceCookie - what the device will be known by once the password was right.
 * @throws IdentityProblem `SIGN_IN_DELAYED`.
 */
export async function checkPassword(
  context: FlowContext,
  credentials: Credentials,
  requester: Requester,
  deviceCookie?: string,
): Promise<CheckedPassword> {
  const attempt = await reserve(context, credentials.identifier, requester);
  const checked = await context.identity.users.authenticate(credentials);
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
  await context.identity.logins.settle(outcome);
  return { checked, failures: { account: attempt.accountFailures, network: attempt.networkFailures } };
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
    challengeSolved: await requester.challengeSolved(),
    waitMs: evaluationWaitMs,
  };
  const admission = await context.identity.logins.reserve(input);
  if (admission.ok) return admission.attempt;
  const { retryAfterMs, challenge } = admission;
  throw new IdentityProblem("SIGN_IN_DELAYED", { retryAfterMs, challenge });
}
