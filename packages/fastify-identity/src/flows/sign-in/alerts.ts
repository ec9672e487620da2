import type {
  FactorChange,
  IssuedOneTimeToken,
  OpenedSession,
  PublicUser,
  SecurityEventInput,
  SignInReport,
  SignInReportOffer,
} from "@org/db-models";
import type { Notice } from "../notices/notice.js";
import type { Origin } from "../origin.js";

type SignInEvent = Omit<SecurityEventInput, "userId">;

/** Alerts to an account's owner about a sign-in. */
export function eventsOf(user: PublicUser, opened: OpenedSession): SignInEvent[] {
  const { alerts } = user.security;
  const sessionId = opened.id;
  const hasSignedInBefore = user.analytics.logins > 0;
  return [
    ...(alerts.newDevice && opened.newDevice && hasSignedInBefore
      ? [{ kind: "new_device", severity: "warning", sessionId } as const]
      : []),
    ...(alerts.newLocation && opened.newLocation
      ? [{ kind: "new_location", severity: "warning", sessionId } as const]
      : []),
    ...opened.evicted.map(
      ({ id }) => ({ kind: "session_evicted", severity: "info", sessionId: id }) as const,
    ),
  ];
}

/** The notices that are sent for the events of a sign-in. */
export function alertsOf(
  user: PublicUser,
  events: readonly SignInEvent[],
  origin: Origin,
  button: SignInReportOffer | undefined,
): Notice[] {
  return events.flatMap(({ kind }) => {
    if (kind !== "new_device" && kind !== "new_location") return [];
    const where = kind === "new_device" ? "a new device" : "a new country";
    const otherwise = button
      ? `report it with the token ${button.token}, until ${button.expiresAt.toUTCString()}: the session ends, and so does what was added from it. Tell nobody the token.`
      : "report it in your account.";
    const text = `Your account was signed in to from ${where}: ${described(origin)}. If it was not you, ${otherwise}`;
    const facts = {
      ...factsOf(origin),
      ...(button && { token: button.token, expiresAt: button.expiresAt.toISOString() }),
    };
    return [{ kind, to: user.email, subject: `Sign-in from ${where}`, text, facts }];
  });
}

/** The mail with a one-time code. */
export function signInCode(user: PublicUser, code: string, origin: Origin): Notice {
  const text = `Your code is ${code}. It is good for ten minutes. The sign-in comes from ${described(origin)}. If it is not you, somebody knows your password: change it, and tell nobody the code.`;
  const facts = { ...factsOf(origin), code };
  return { kind: "sign_in_code", to: user.email, subject: "Your sign-in code", text, facts };
}

/** The mail with the token that verifies an address. */
export function emailVerification({ email, token, expiresAt }: IssuedOneTimeToken): Notice {
  const text = `Your token is ${token}. It verifies that this address is yours, until ${expiresAt.toUTCString()} and once. If you have no account with us, somebody gave your address for theirs: ignore this message.`;
  const facts = { token, expiresAt: expiresAt.toISOString() };
  return { kind: "email_verification", to: email, subject: "Verify your email address", text, facts };
}

/** The mail with the token that resets a password. */
export function passwordReset({ email, token, expiresAt }: IssuedOneTimeToken, origin: Origin): Notice {
  const text = `Your token is ${token}. It resets the password of your account, until ${expiresAt.toUTCString()} and once. It was asked for from ${described(origin)}. If it was not you, ignore this message: your password stays as it is. Tell nobody the token.`;
  const facts = { ...factsOf(origin), token, expiresAt: expiresAt.toISOString() };
  return { kind: "password_reset", to: email, subject: "Reset your password", text, facts };
}

/** The mail to the owner of an account whose address somebody registered again. */
export function accountExists({ email, token, expiresAt }: IssuedOneTimeToken, origin: Origin): Notice {
  const text = `Somebody, from ${described(origin)}, wanted to create an account with this address. You have one already: sign in with your password. If you have forgotten it, your token is ${token}: it resets the password, until ${expiresAt.toUTCString()} and once. If it was not you, ignore this message. Tell nobody the token.`;
  const facts = { ...factsOf(origin), token, expiresAt: expiresAt.toISOString() };
  return { kind: "account_exists", to: email, subject: "You already have an account", text, facts };
}

/** The mail with the token that gives an account another address. */
export function emailChangeConfirmation({ email, former, token, expiresAt }: NewAddress): Notice {
  const text = `Your token is ${token}. It makes this address that of your account, until ${expiresAt.toUTCString()} and once. If you have no account with us, somebody gave your address for theirs: ignore this message.`;
  const facts = { token, expiresAt: expiresAt.toISOString() };
  const subject = "Confirm your new email address";
  return { kind: "email_change", to: email, account: former, subject, text, facts };
}

interface NewAddress {
  readonly email: string;
  /** The account's address before. */
  readonly former: string;
  readonly token: string;
  readonly expiresAt: Date;
}

interface FormerAddress {
  readonly email: string;
  readonly former: string;
  readonly undoToken: string;
  readonly undoExpiresAt: Date;
}

/** The notice to the address before, with the token that undoes the change. */
export function emailChangeNotice(
  state: "requested" | "changed",
  { email, former, undoToken: token, undoExpiresAt }: FormerAddress,
  origin: Origin,
): Notice {
  const what =
    state === "requested"
      ? `Your account is to have another email address, ${email}. It was asked for`
      : `Your account has another email address, ${email}. It was changed`;
  const text = `${what} from ${described(origin)}. If it was not you, undo it with the token ${token}, until ${undoExpiresAt.toUTCString()}: your account has this address back, every session ends, and you choose another password. Tell nobody the token.`;
  const facts = { ...factsOf(origin), email, token, expiresAt: undoExpiresAt.toISOString() };
  return state === "requested"
    ? {
        kind: "email_change_requested",
        to: former,
        subject: "Your email address is to be changed",
        text,
        facts,
      }
    : {
        kind: "email_changed",
        to: former,
        account: email,
        subject: "Your email address was changed",
        text,
        facts,
      };
}

/** The mail to the owner of an account whose address somebody wants for another account. */
export function emailInUse({ email }: Pick<NewAddress, "email">, origin: Origin): Notice {
  const text = `Somebody, from ${described(origin)}, wanted to give another account this address. You have an account with it, so nothing was changed. If it was you, sign in to that account, or give it another address first. If not, ignore this message.`;
  const subject = "This address belongs to your account";
  return { kind: "email_in_use", to: email, subject, text, facts: factsOf(origin) };
}

/** The notice to the owner that their account has its address back. */
export function emailChangeUndone(email: string, origin: Origin): Notice {
  const text = `The change of your email address was undone from ${described(origin)}. Every session ended, and so did API keys, passkeys and linked accounts that were added since the change was asked for. Look over your account before you use it again.`;
  const subject = "Your account has this address back";
  return { kind: "email_change_undone", to: email, subject, text, facts: factsOf(origin) };
}

/** The notice that is sent after a password was changed, or reset with a token. */
export function passwordAlert(how: "added" | "changed" | "reset", email: string, origin: Origin): Notice {
  const what =
    how === "added" ? "A password was added to your account" : `The password of your account was ${how}`;
  const text = `${what} from ${described(origin)}. If it was not you, reset it at once: that ends every session.`;
  const facts = { ...factsOf(origin), how };
  return { kind: "password_changed", to: email, subject: `Your password was ${how}`, text, facts };
}

const changed = {
  totp_added: "An authenticator app was added to your account",
  totp_removed: "The authenticator app of your account was removed",
  passkey_added: "A passkey was added to your account",
  passkey_removed: "A passkey of your account was removed",
  device_remembered: "A device was remembered, so that sign-ins on it no longer ask for your second factor",
  recovery_codes_created: "New recovery codes of your account were made, and those before have ended",
} as const satisfies Record<FactorChange, string>;

/** The notice that is sent after second factors were changed. */
export function factorAlert(change: FactorChange, email: string, origin: Origin): Notice {
  const text = `${changed[change]}, from ${described(origin)}. If it was not you, change your password and end your sessions.`;
  const facts = { ...factsOf(origin), change };
  const subject = "Your second factor was changed";
  return { kind: "second_factor_changed", to: email, subject, text, facts };
}

/** The notice that is sent after a recovery code was used. */
export function recoveryCodeAlert(left: number, email: string, origin: Origin): Notice {
  const text = `A recovery code of your account was used from ${described(origin)}; ${left} are left. If it was not you, change your password and end your sessions. If few are left, make new ones.`;
  const facts = { ...factsOf(origin), left: String(left) };
  return { kind: "recovery_code_used", to: email, subject: "A recovery code was used", text, facts };
}

/** The notice to the owner that somebody with the password says they have lost every factor. */
export function recoveryAlert(availableAt: Date, cancelToken: string, email: string, origin: Origin): Notice {
  const text = `Somebody who knows your password, from ${described(origin)}, says that every second factor of your account is lost. From ${availableAt.toUTCString()} on they can remove them with a token that we mail to this address. If it was not you, cancel it with the token ${cancelToken}, or sign in with your second factor, and change your password.`;
  const facts = { ...factsOf(origin), cancelToken, availableAt: availableAt.toISOString() };
  return {
    kind: "factor_recovery",
    to: email,
    subject: "Your second factors are to be removed",
    text,
    facts,
  };
}

/** The mail with the token that ends the wait of a recovery. */
export function recoveryToken(
  { token, expiresAt, cancelToken }: { token: string; expiresAt: Date; cancelToken: string },
  email: string,
  origin: Origin,
): Notice {
  const text = `Your token is ${token}. Together with your password it removes every second factor of your account, until ${expiresAt.toUTCString()} and once. It was asked for from ${described(origin)}. If it was not you, cancel it with the token ${cancelToken} and change your password. Tell nobody the token.`;
  const facts = { ...factsOf(origin), token, expiresAt: expiresAt.toISOString(), cancelToken };
  return { kind: "factor_recovery_token", to: email, subject: "Remove your second factors", text, facts };
}

/** The notice that is sent once every factor was removed. */
export function recoveredAlert(email: string, origin: Origin): Notice {
  const text = `Every second factor of your account was removed, and every session ended, from ${described(origin)}. If it was not you, reset your password at once. If it was, add another factor.`;
  const subject = "Your second factors were removed";
  return { kind: "second_factor_changed", to: email, subject, text, facts: factsOf(origin) };
}

/** The notice that is sent after an account was linked to a provider, or unlinked. */
export function externalIdentityAlert(
  change: "linked" | "unlinked",
  provider: string,
  email: string,
  origin: Origin,
): Notice {
  const what = change === "linked" ? "can be signed in to with" : "can no longer be signed in to with";
  const text = `Your account ${what} ${provider}. That was changed from ${described(origin)}. If it was not you, change your password and end your sessions.`;
  const facts = { ...factsOf(origin), change, provider };
  const subject = `Sign-in with ${provider} was changed`;
  return { kind: "external_identity_changed", to: email, subject, text, facts };
}

/** The notice to the owner that a sign-in was reported as somebody else's. */
export function signInReported({ signIn, takenOff, undoUntil }: SignInReport, email: string): Notice {
  const { device, country } = signIn;
  const change = takenOff.password ? "locked" : "ended";
  const what =
    change === "locked"
      ? "Every session ended, and your password opens nothing any more: a message with a token that sets another one follows."
      : "Its session ended.";
  const undo = undoUntil
    ? `, which gives passkeys and linked accounts back until ${undoUntil.toUTCString()}`
    : "";
  const text = `A sign-in to your account was reported as somebody else's: ${described({ device, ...(country && { country }) })}. ${what} What was added from it was taken off: look over your account. If it was you who signed in, sign in again and undo the report${undo}.`;
  const facts = {
    change,
    device,
    ...(country && { country }),
    ...(undoUntil && { expiresAt: undoUntil.toISOString() }),
  };
  return { kind: "sign_in_reported", to: email, subject: "A sign-in was reported", text, facts };
}

/** The notice to a user that an administrator acts for them. */
export function impersonationAlert(
  { expiresAt, reason }: { expiresAt: Date; reason: string | undefined },
  email: string,
): Notice {
  const why = reason === undefined ? "" : ` Their reason: ${reason}.`;
  const text = `An administrator of the service acts in your account from now on, until ${expiresAt.toUTCString()} at the latest.${why} They can't see or change how you sign in. You see it in the list of your sessions, and can end it there.`;
  const facts = {
    expiresAt: expiresAt.toISOString(),
    ...(reason !== undefined && { reason, change: "reasoned" }),
  };
  const subject = "An administrator acts in your account";
  return { kind: "impersonation_started", to: email, subject, text, facts };
}

function described({ device, country }: Origin): string {
  return [device, country].filter(Boolean).join(", ") || "an unknown device";
}

function factsOf({ device, country, network }: Origin): Record<string, string> {
  return { ...(device && { device }), ...(country && { country }), ...(network && { network }) };
}
