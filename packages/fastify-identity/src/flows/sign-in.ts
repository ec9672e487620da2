import { audit, failedAttempt } from "./audit.js";
import { type Credentials, checkPassword } from "./check-password.js";
import { completeSignIn, type SignedIn } from "./complete-sign-in.js";
import type { FlowContext } from "./context.js";
import { IdentityProblem } from "./problems.js";
import type { Requester } from "./requester.js";

/** Credentials, and what the device is to be known by from now on. */
export interface SignInInput extends Credentials {
  readonly deviceCookie?: string | undefined;
}

/** Answer to a challenge, and the device cookie from now on. */
export interface ChallengeInput {
  readonly challenge: string;
  readonly code: string;
  readonly deviceCookie?: string | undefined;
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
  const { checked, failures } = await checkPassword(context, credentials, requester, deviceCookie);
  if (!checked.ok) {
    await audit(context, requester, failedAttempt("session.opened", checked));
    throw new IdentityProblem(checked.reason === "not_active" ? "USER_NOT_ACTIVE" : "BAD_CREDENTIALS");
  }
  const { userId, sessionGeneration } = checked;
  return completeSignIn(context, requester, {
    way: "password",
    userId,
    sessionGeneration,
    failures,
    deviceCookie,
  });
}

/**
 * Ends a challenge: with the right code the sign-in gets its session.
 *
 * @throws IdentityProblem `CHALLENGE_FAILED`, and as {@link completeSignIn}.
 */
export async function answerChallenge(
  context: FlowContext,
  requester: Requester,
  { challenge, code, deviceCookie }: ChallengeInput,
): Promise<SignedIn> {
  const check = await context.identity.logins.verifyChallenge({ token: challenge, code });
  if (!check.ok) {
    await audit(context, requester, failedAttempt("session.opened", check));
    throw new IdentityProblem("CHALLENGE_FAILED", { reason: check.reason });
  }
  const { userId, sessionGeneration, risk } = check;
  return completeSignIn(context, requester, {
    way: "challenge",
    userId,
    sessionGeneration,
    risk,
    deviceCookie,
  });
}
