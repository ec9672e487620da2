import type { Types } from "mongoose";
import { operationsOf, type Shared } from "../context/context.js";
import { type AccountFactors, type FactorSession, readFactors } from "./account.js";
import { decideFactor, type FactorDecision, type FactorQuestion } from "./decide.js";
import {
  createRecoveryCodes,
  type RecoveryCodeCheck,
  type RecoveryCodes,
  verifyRecoveryCode,
} from "./recovery-codes.js";
import {
  confirmTotp,
  enrolTotp,
  removeTotp,
  resealFactors,
  type TotpCheck,
  type TotpConfirmation,
  type TotpEnrolment,
  type TotpRemoval,
  verifyTotp,
} from "./totp.js";

/**
 * Second factors. What changes them takes the session that `sessions.validate` returned, whose proofs of the last minutes
 * (`reauthenticationMs`) must reach level 1, and level 2 once there is a factor; else it answers
 * `reauthentication_required`. Each change and each use of a recovery code writes a security event of the user.
 */
export interface Factors {
  /** The factors of an account, without anything secret. One read. */
  read(input: { userId: Types.ObjectId }): Promise<AccountFactors>;
  /**
   * Makes the secret of an authenticator app (RFC 6238: SHA-1, 6 digits, 30 seconds), which counts from its confirmation
   * on. It is stored sealed (AES-256-GCM) with the first of `sealKeys`, bound to the user. Another call takes its place.
   *
   * @throws IdentityError `USER_NOT_FOUND`; `SEAL_KEY_MISSING`.
   *
   * @example
   * const enrolment = await identity.factors.enrolTotp({ session });
   * if (enrolment.ok) return page({ qrCode: enrolment.uri, secret: enrolment.secret });
   */
  enrolTotp(input: { session: FactorSession }): Promise<TotpEnrolment>;
  /**
   * Makes the enrolled app a factor, in the place of the one before, once it has shown a right code. That code is used.
   *
   * @param input - `code` as typed.
   * @throws IdentityError `SEAL_KEY_MISSING`, `SEAL_BROKEN`.
   */
  confirmTotp(input: { session: FactorSession; code: unknown }): Promise<TotpConfirmation>;
  /**
   * Checks a code of the user's app; call it once a first factor was right, so that a stranger can delay nobody. Each
   * attempt is counted in the database before its code is looked at: after `free` wrong ones each waits longer, up to
   * `maxDelayMs`, and they are forgotten one after the other. Recovery codes are not delayed by it.
   *
   * A code is accepted once: the last time step is stored, and one conditional update takes a higher one only. A secret
   * that a former key sealed is sealed with the current one in the same update.
   *
   * @param input - `code` as typed; anything is refused, never thrown at.
   * @throws IdentityError `SEAL_KEY_MISSING`, `SEAL_BROKEN`.
   */
  verifyTotp(input: { userId: Types.ObjectId; code: unknown }): Promise<TotpCheck>;
  /** Removes the app, and with it the recovery codes. */
  removeTotp(input: { session: FactorSession }): Promise<TotpRemoval>;
  /**
   * Makes ten recovery codes of 130 random bits, in the place of those before; only for an account with a factor.
   */
  createRecoveryCodes(input: { session: FactorSession }): Promise<RecoveryCodes>;
  /**
   * Takes a recovery code in the place of a factor; each is good once. The factor stays.
   *
   * @param input - `code` as typed: case, spaces and hyphens do not matter; anything is refused, never thrown at.
   */
  verifyRecoveryCode(input: { userId: Types.ObjectId; code: unknown }): Promise<RecoveryCodeCheck>;
  /** Decides which factor a sign-in is asked for; pure, and never weaker for more risk. */
  decide(question: FactorQuestion): FactorDecision;
  /**
   * Seals secrets that a former key sealed with the current one, `limit` in a call, 1,000 by default. Once `done`, the
   * former keys may go.
   *
   * @throws IdentityError `SEAL_BROKEN`.
   */
  reseal(input?: { limit?: number }): Promise<{ resealed: number; done: boolean }>;
}

export function factorsOf(identity: Shared): Factors {
  const on = operationsOf(identity);
  return {
    read: on(readFactors),
    enrolTotp: on(enrolTotp),
    confirmTotp: on(confirmTotp),
    verifyTotp: on(verifyTotp),
    removeTotp: on(removeTotp),
    createRecoveryCodes: on(createRecoveryCodes),
    verifyRecoveryCode: on(verifyRecoveryCode),
    decide: decideFactor,
    reseal: on(resealFactors),
  };
}
