import type { Types } from "mongoose";
import type { AuditWriter } from "../audit/writer.js";
import { type Context, operationsOf, type Shared } from "../context/context.js";
import type { RequestOrigin } from "../users/one-time-tokens.js";
import { type AccountFactors, type FactorSession, readFactors } from "./account.js";
import { decideFactor, type FactorDecision, type FactorQuestion } from "./decide.js";
import {
  beginPasskeyAuthentication,
  finishPasskeyAuthentication,
  type PasskeyAuthenticationInput,
  type PasskeyAuthenticationStart,
  type PasskeyCheck,
} from "./passkey-authentication.js";
import {
  beginPasskeyRegistration,
  finishPasskeyRegistration,
  type PasskeyRegistration,
  type PasskeyRegistrationStart,
} from "./passkey-registration.js";
import { type PasskeyRemoval, removePasskey, renamePasskey } from "./passkeys.js";
import {
  cancelRecovery,
  completeRecovery,
  type RecoveryCancellation,
  type RecoveryCompletion,
  type RecoveryRequest,
  requestRecovery,
} from "./recovery.js";
import {
  checkRecoveryCode,
  createRecoveryCodes,
  type RecoveryCodeCheck,
  type RecoveryCodes,
  verifyRecoveryCode,
} from "./recovery-codes.js";
import {
  type DeviceRemembering,
  forgetDevices,
  isDeviceRemembered,
  rememberDevice,
} from "./remembered-devices.js";
import { type FactorReset, resetFactors } from "./reset.js";
import {
  confirmTotp,
  enrolTotp,
  type ResealedFactors,
  removeTotp,
  resealFactors,
  type TotpConfirmation,
  type TotpEnrolment,
  type TotpRemoval,
} from "./totp.js";
import {
  checkTotp,
  type TotpCheck,
  type TotpCode,
  type TotpCodeCheck,
  type TotpCodeUse,
  useTotp,
  verifyTotp,
} from "./totp-codes.js";

/** A kind of second factor; recovery codes stand in for one, and are none. */
export type FactorKind = "totp" | "passkey";

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
   * A code is accepted once: its time step is stored by a conditional update, and closes those just before it. A secret
   * that a former key sealed is sealed with the current one in the same update.
   *
   * @param input - `code` as typed; anything is refused, never thrown at.
   * @throws IdentityError `SEAL_KEY_MISSING`, `SEAL_BROKEN`.
   */
  verifyTotp(input: { userId: Types.ObjectId; code: unknown }): Promise<TotpCheck>;
  /**
   * Checks a code as {@link verifyTotp} does and leaves it unused: for who uses it with {@link useTotp} at the end of what
   * it is given for, so that a refusal in between costs no code.
   */
  checkTotp(input: { userId: Types.ObjectId; code: unknown }): Promise<TotpCodeCheck>;
  /** Uses a code that {@link checkTotp} found right. Of any number of uses of one code, in any number of processes, one succeeds. */
  useTotp(input: { userId: Types.ObjectId; code: TotpCode }): Promise<TotpCodeUse>;
  /** Removes the app, and with the last factor the recovery codes. */
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
  /** Whether a recovery code is one of the account's: for who uses it up with {@link verifyRecoveryCode} only at the end. */
  checkRecoveryCode(input: {
    userId: Types.ObjectId;
    code: unknown;
  }): Promise<{ ok: true; method: "recovery_code" } | Extract<RecoveryCodeCheck, { ok: false }>>;
  /**
   * Makes the options of a registration (WebAuthn Level 3), for `navigator.credentials.create()`. Their challenge is good
   * once, for `passkeyCeremonyMs`, and for this session. An account has at most 20 passkeys.
   *
   * @throws IdentityError `PASSKEYS_NOT_CONFIGURED`; `USER_NOT_FOUND`.
   *
   * @example
   * const start = await identity.factors.beginPasskeyRegistration({ session });
   * if (start.ok) return reply.send(start.options);
   */
  beginPasskeyRegistration(input: { session: FactorSession }): Promise<PasskeyRegistrationStart>;
  /**
   * Verifies what the browser gave, and makes it a factor. Attestation is not asked for and not looked at.
   *
   * @param input - `response` as the credential's `toJSON()` writes it: anything is refused, never thrown at. `name`, at
   * most 128 characters, as the person calls it; `Passkey` by default.
   * @throws IdentityError `INVALID_INPUT` for a name; `PASSKEYS_NOT_CONFIGURED`.
   */
  finishPasskeyRegistration(input: {
    session: FactorSession;
    response: unknown;
    name?: string;
  }): Promise<PasskeyRegistration>;
  /**
   * Makes the options of an authentication, for `navigator.credentials.get()`. With `userId`, for who has given a first
   * factor or has a session: with the list of their passkeys. Without, for a sign-in without a user name, from the
   * browser's list or the form's autofill: the authenticator has to verify its user.
   *
   * @throws IdentityError `PASSKEYS_NOT_CONFIGURED`.
   */
  beginPasskeyAuthentication(input?: { userId?: Types.ObjectId }): Promise<PasskeyAuthenticationStart>;
  /**
   * Verifies an answer. Its challenge is taken before anything is looked at, so none is answered twice.
   *
   * @param input - `response` as the credential's `toJSON()` writes it: anything is refused, never thrown at.
   * @throws IdentityError `PASSKEYS_NOT_CONFIGURED`.
   *
   * @example
   * const check = await identity.factors.finishPasskeyAuthentication({ response, attempt });
   * if (check.ok) await identity.sessions.open({ userId: check.userId, proofs: [check.method] });
   */
  finishPasskeyAuthentication(input: PasskeyAuthenticationInput): Promise<PasskeyCheck>;
  /** Gives a passkey another name. @throws IdentityError `INVALID_INPUT`. */
  renamePasskey(input: {
    session: FactorSession;
    id: Types.ObjectId;
    name: string;
  }): Promise<{ ok: true } | { ok: false; reason: "not_enrolled" }>;
  /** Removes a passkey, and with the last factor the recovery codes. The last way to sign in stays. */
  removePasskey(input: { session: FactorSession; id: Types.ObjectId }): Promise<PasskeyRemoval>;
  /**
   * Remembers the device of a session that has just reached level 2: {@link decide} then asks for no second factor on it,
   * for `rememberedDeviceMs` at most. At most ten; the oldest leaves. All are forgotten when a factor is removed, the
   * password changes, or every session ends.
   *
   * @param input - `deviceCookie`: a random value that only this device has. `label` for people, such as `Firefox on Windows`.
   * @throws IdentityError `INVALID_INPUT` for a label.
   */
  rememberDevice(input: {
    session: FactorSession;
    deviceCookie: string;
    label: string;
  }): Promise<DeviceRemembering>;
  /** True for a device that was remembered and may still be; call it once a first factor was right. */
  isDeviceRemembered(input: { userId: Types.ObjectId; deviceCookie: string | undefined }): Promise<boolean>;
  /** Forgets one device, or all of them. Returns how many. */
  forgetDevices(input: { userId: Types.ObjectId; id?: Types.ObjectId }): Promise<number>;
  /**
   * Begins, or goes on with, the recovery of who has lost every factor and still has the password: check that first. It
   * takes a wait of `recoveryDelayMs`, in which the owner can object, and after it another request that gives a token to
   * mail; nothing changes before. Using any factor ends it. A password that was set by mail does not count: mail alone
   * never removes a factor. At most three requests a day.
   *
   * Follows NIST SP 800-63B-4 section 4.2: an issued recovery code and a bound authenticator; section 4.6: notices.
   */
  requestRecovery(input: { userId: Types.ObjectId; origin?: RequestOrigin }): Promise<RecoveryRequest>;
  /** Ends a recovery: by the token of a notice, or for the user of a live session. */
  cancelRecovery(input: { token: unknown } | { userId: Types.ObjectId }): Promise<RecoveryCancellation>;
  /**
   * Completes a recovery with the mailed token, once the password was checked: removes every factor, recovery code and
   * remembered device, and ends every session. The next sign-in reaches level 1, and can enrol another factor.
   */
  completeRecovery(input: {
    userId: Types.ObjectId;
    token: unknown;
    origin?: RequestOrigin;
  }): Promise<RecoveryCompletion>;
  /**
   * Removes every factor of an account and ends its sessions, for staff that has made sure who asks (ASVS 5.0 6.4.4). The
   * audit trail has it as `factors.reset` before anything changes; the user, as a security event.
   *
   * @throws IdentityError `USER_NOT_FOUND`; `AUDIT_NOT_WRITTEN`.
   */
  reset(input: { userId: Types.ObjectId; actorId: Types.ObjectId }): Promise<FactorReset>;
  /** Kinds of second factors that can be added: an app takes `sealKeys`, a passkey `factors.passkeys`. */
  readonly kinds: readonly FactorKind[];
  /** Decides which factor a sign-in is asked for; pure, and never weaker for more risk. */
  decide(question: FactorQuestion): FactorDecision;
  /**
   * Seals secrets that a former key sealed with the current one, `limit` in a call, 1,000 by default. Once `done`, the
   * former keys may go. A secret that does not open (`SEAL_BROKEN`) is named by its user among the failures, and stays: it is of
   * no use to its owner either, who needs a reset.
   */
  reseal(input?: { limit?: number }): Promise<ResealedFactors>;
}

export function factorsOf(identity: Shared, writer: AuditWriter): Factors {
  const on = operationsOf(identity);
  const kinds: FactorKind[] = identity.sealKeys.length > 0 ? ["totp"] : [];
  if (identity.policies.factors.passkeys) kinds.push("passkey");
  return {
    kinds,
    read: on(readFactors),
    enrolTotp: on(enrolTotp),
    confirmTotp: on(confirmTotp),
    verifyTotp: on(verifyTotp),
    checkTotp: on(checkTotp),
    useTotp: on(useTotp),
    removeTotp: on(removeTotp),
    createRecoveryCodes: on(createRecoveryCodes),
    verifyRecoveryCode: on(verifyRecoveryCode),
    checkRecoveryCode: on(checkRecoveryCode),
    beginPasskeyRegistration: on(beginPasskeyRegistration),
    finishPasskeyRegistration: on(finishPasskeyRegistration),
    beginPasskeyAuthentication: on(beginPasskeyAuthentication),
    finishPasskeyAuthentication: on(finishPasskeyAuthentication),
    renamePasskey: on(renamePasskey),
    removePasskey: on(removePasskey),
    rememberDevice: on(rememberDevice),
    isDeviceRemembered: on(isDeviceRemembered),
    forgetDevices: on(forgetDevices),
    requestRecovery: on(requestRecovery),
    cancelRecovery: on(cancelRecovery),
    completeRecovery: on(completeRecovery),
    reset: on((context: Context, input: { userId: Types.ObjectId; actorId: Types.ObjectId }) =>
      resetFactors(context, writer, input),
    ),
    decide: decideFactor,
    reseal: on(resealFactors),
  };
}
