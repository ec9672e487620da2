import type { Types } from "mongoose";
import { type Login, recordLogin } from "../analytics/logins.js";
import { operationsOf, type Shared } from "../context/context.js";
import {
  attemptChallenge,
  type ChallengeAttemptInput,
  type ChallengeCodeInput,
  type CreatedFactorChallenge,
  type CreatedLoginChallenge,
  createFactorChallenge,
  createLoginChallenge,
  type FactorChallengeInput,
  type HeldSignInCheck,
  type LoginChallengeCheck,
  type LoginChallengeInput,
  passChallenge,
  readChallenge,
  verifyLoginChallenge,
} from "./challenges.js";
import { type LoginAdmission, type LoginAttemptInput, reserveLoginAttempt } from "./reserve.js";
import { type LoginOutcome, settleLoginAttempt } from "./settle.js";

/** Login attempts: how they are counted, and what is asked for beside a password. */
export interface Logins {
  /**
   * Asks whether a sign-in may be evaluated now; call it before looking at the password. The attempt is counted as a
   * failure in the same command that admits it, so parallel guesses can't slip through, and one that a crash ends stays
   * counted until it is forgotten. At most two commands when it is admitted, and the same ones whether or not there is
   * such an account. An attempt that isn't admitted counts nowhere.
   *
   * @throws IdentityError `INVALID_INPUT`; `CONTENTION`.
   *
   * @example
   * const admission = await identity.logins.reserve({ identifier, ip });
   * if (!admission.ok) return reply.code(429).header("retry-after", admission.retryAfterMs / 1_000).send();
   */
  reserve(input: LoginAttemptInput): Promise<LoginAdmission>;
  /**
   * Tells how an admitted attempt ended. A failure has been counted already; of a known account it becomes a security
   * event, and another one when delays begin. A success forgets the failures of the counter that it went through, the
   * device's or the account's, makes the device known, and takes its own attempt out of the network's: who has one
   * account can't wash off the guesses at others.
   */
  settle(outcome: LoginOutcome): Promise<void>;
  /**
   * Adds a login to the user's analytics: counters, known devices and countries, each bounded with the longest unseen
   * leaving first. One update.
   */
  record(login: Login): Promise<void>;
  /**
   * Holds a sign-in, and asks for a one-time code: good for ten minutes, five attempts and one use, and only together
   * with the token, so that who reads the code over a shoulder has nothing.
   *
   * @throws IdentityError `CHALLENGE_LIMIT` after five in a quarter of an hour, so that nobody's mailbox is flooded.
   */
  createChallenge(input: LoginChallengeInput): Promise<CreatedLoginChallenge>;
  /**
   * Checks a code. An attempt is taken before the code is looked at, by one conditional update, so that no more than
   * five are ever evaluated, however many come at once; of parallel right ones, one passes.
   *
   * @param input - as presented; anything is refused, never thrown at.
   */
  verifyChallenge(input: ChallengeCodeInput): Promise<LoginChallengeCheck>;
  /**
   * Holds a sign-in until one of the methods `ask` is proved: for ten minutes, five attempts and one use. The token opens
   * no session and no route.
   *
   * @throws IdentityError `INVALID_INPUT` when `ask` is empty or has `email`.
   *
   * @example
   * const { token } = await identity.logins.createFactorChallenge({ userId, sessionGeneration, risk, ask: ["totp"] });
   * const held = await identity.logins.attemptChallenge({ token, method: "totp" });
   * if (!held.ok) throw new Error(held.reason);
   * const check = await identity.factors.verifyTotp({ userId: held.userId, code });
   * if (check.ok && (await identity.logins.passChallenge({ id: held.id }))) {
   *   await identity.sessions.open({ userId, proofs: [...held.proofs, "totp"] });
   * }
   */
  createFactorChallenge(input: FactorChallengeInput): Promise<CreatedFactorChallenge>;
  /**
   * Reads a held sign-in, for who is to be shown what it asks for. It takes no attempt; one that nobody can go on with is
   * refused.
   *
   * @param input - `token` as presented; anything is refused, never thrown at.
   */
  readChallenge(input: Pick<ChallengeAttemptInput, "token" | "client">): Promise<HeldSignInCheck>;
  /**
   * Takes an attempt of a held sign-in, before its proof is evaluated. Of any number at once five are taken.
   *
   * @param input - `token` as presented; anything is refused, never thrown at.
   */
  attemptChallenge(input: ChallengeAttemptInput): Promise<LoginChallengeCheck>;
  /** Ends a held sign-in whose proof was right. Of any number of calls one gets true. */
  passChallenge(input: { id: Types.ObjectId }): Promise<boolean>;
}

export function loginsOf(identity: Shared): Logins {
  const on = operationsOf(identity);
  return {
    reserve: on(reserveLoginAttempt),
    settle: on(settleLoginAttempt),
    record: on(recordLogin),
    createChallenge: on(createLoginChallenge),
    verifyChallenge: on(verifyLoginChallenge),
    createFactorChallenge: on(createFactorChallenge),
    readChallenge: on(readChallenge),
    attemptChallenge: on(attemptChallenge),
    passChallenge: on(passChallenge),
  };
}
