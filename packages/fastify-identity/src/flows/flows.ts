import type {
  ActiveSession,
  ErasureReport,
  Passkey,
  PublicUser,
  Registration,
  RenewedSession,
  SignInReport,
} from "@org/db-models";
import type { Types } from "mongoose";
import type { HeldSession } from "./account/accounts.js";
import * as accounts from "./account/accounts.js";
import { requireRecentAuthentication } from "./account/assurance.js";
import * as emailChange from "./account/email-change.js";
import * as factors from "./account/factors.js";
import * as passkeys from "./account/passkeys.js";
import * as recovery from "./account/recovery.js";
import { refuseActing } from "./account/refuse-acting.js";
import * as reports from "./account/sign-in-reports.js";
import type { FlowContext } from "./context.js";
import { contextOf, type FlowOptions, flowOptionsSchema, readOptions } from "./options.js";
import type { Requester } from "./requester.js";
import type { Credentials } from "./sign-in/check-password.js";
import type { SignedIn, SignInProofs } from "./sign-in/complete/candidate.js";
import { completeSignIn } from "./sign-in/complete/complete-sign-in.js";
import * as external from "./sign-in/external-sign-in.js";
import * as pending from "./sign-in/held-sign-in.js";
import * as sessions from "./sign-in/sessions.js";
import * as signIns from "./sign-in/sign-in.js";
import { signUp } from "./sign-in/sign-up.js";

type Deliver = (renewed: RenewedSession) => void;

/**
 * Account operations, independent of the framework: each with its defence, risk, audit, alerts and hooks. A flow
 * that refuses throws {@link IdentityProblem}, each that takes a session `IMPERSONATED` where an administrator acts in it; errors of @org/db-models pass, and {@link toProblem} reads both.
 */
export interface Flows {
  /** Makes an account, and sends its address the token that verifies it. */
  register(requester: Requester, registration: Registration): Promise<PublicUser>;
  /** Registers, without telling whether the address has an account already: its owner is told by mail. */
  signUp(requester: Requester, registration: Registration): Promise<void>;
  /** Signs in with a password: opens a session, or throws `CHALLENGE_REQUIRED` with what is to be proved. */
  signIn(requester: Requester, input: signIns.SignInInput): Promise<SignedIn>;
  /** Goes on with a sign-in that was held, with one proof of what it was asked for. */
  answerChallenge(requester: Requester, input: signIns.ChallengeInput): Promise<SignedIn>;
  /** What a held sign-in waits for; it takes none of its attempts. */
  readPending(requester: Requester, input: pending.HeldInput): Promise<pending.PendingSignIn>;
  /** Options for a passkey that a held sign-in asks for: others for each try. */
  beginPendingPasskey(requester: Requester, input: pending.HeldInput): Promise<passkeys.PasskeyRequest>;
  /** The end of every way of signing in, for a way of your own that has checked its proofs. */
  completeSignIn(requester: Requester, proofs: SignInProofs): Promise<SignedIn>;
  /** Checks a session token. */
  checkSession(requester: Requester, token: string): Promise<sessions.AcceptedSession>;
  /** Proves again who the user is. `deliver` takes the next token: the one before is no longer good. */
  authenticateAgain(
    requester: Requester,
    held: HeldSession,
    input: sessions.StepUpProofs,
    deliver: Deliver,
  ): Promise<RenewedSession>;
  /** Ends the session. */
  signOut(requester: Requester, session: Pick<ActiveSession, "id" | "userId" | "actor">): Promise<void>;
  /** Throws unless the session proved lately who its user is, by two factors where the account has a second one. */
  requireRecentAuthentication(session: ActiveSession): Promise<void>;
  /** Makes the secret of an authenticator app, which counts once it is confirmed. */
  enrolTotp(session: ActiveSession): Promise<factors.NewTotp>;
  /** Makes the enrolled app a factor. `deliver` takes the session's next token. */
  confirmTotp(
    requester: Requester,
    held: HeldSession,
    input: { code: string },
    deliver: Deliver,
  ): Promise<RenewedSession>;
  /** Takes the authenticator app from the account, and with the last factor its recovery codes. */
  removeTotp(requester: Requester, session: ActiveSession): Promise<void>;
  /** Makes ten recovery codes in the place of those before. */
  createRecoveryCodes(requester: Requester, session: ActiveSession): Promise<{ codes: string[] }>;
  /** Begins to add a passkey: options for `navigator.credentials.create()`. */
  beginPasskeyRegistration(session: ActiveSession): Promise<passkeys.PasskeyCreation>;
  /** Makes the passkey that the browser made a factor. */
  addPasskey(
    requester: Requester,
    session: ActiveSession,
    input: { response: unknown; name?: string | undefined },
  ): Promise<Passkey>;
  /** Gives a passkey another name. */
  renamePasskey(session: ActiveSession, input: { id: Types.ObjectId; name: string }): Promise<void>;
  /** Takes a passkey from the account. */
  removePasskey(requester: Requester, session: ActiveSession, input: { id: Types.ObjectId }): Promise<void>;
  /** Options for `navigator.credentials.get()`: for a sign-in without a user name, or a known user's step-up. */
  beginPasskey(who?: { userId?: Types.ObjectId }): Promise<passkeys.PasskeyRequest>;
  /** Signs in with a passkey alone. */
  signInWithPasskey(requester: Requester, input: passkeys.PasskeySignInInput): Promise<SignedIn>;
  /** Forgets a remembered device, or all of them. */
  forgetDevices(
    requester: Requester,
    session: ActiveSession,
    id?: Types.ObjectId,
  ): Promise<{ forgotten: number }>;
  /** Reports a sign-in as somebody else's, from another session, which may end too. */
  reportSignIn(
    requester: Requester,
    session: ActiveSession,
    input: { sessionId: Types.ObjectId },
  ): Promise<SignInReport>;
  /** Reports a sign-in with the token of its mail. */
  reportSignInByMail(requester: Requester, input: { token: string }): Promise<SignInReport>;
  /** Undoes a report: passkeys and linked identities are given back. */
  undoSignInReport(
    requester: Requester,
    session: ActiveSession,
    input: { id: Types.ObjectId },
  ): Promise<SignInReport>;
  /** Begins or goes on with the recovery of who has lost every factor and knows the password. */
  requestRecovery(requester: Requester, input: Credentials): Promise<recovery.RecoveryState>;
  /** Removes every factor with the password and the mailed token, once the wait is over. */
  completeRecovery(requester: Requester, input: Credentials & { token: string }): Promise<{ ended: number }>;
  /** Ends a recovery: with the token of its notice, or for the user of a live session. */
  cancelRecovery(requester: Requester, who: { token: string } | ActiveSession): Promise<void>;
  /** Begins a sign-in at a provider, or links one to the account of a session. */
  beginExternal(input: external.BeginExternalInput): Promise<external.BegunExternal>;
  /** Ends what {@link beginExternal} began, when the browser is back. */
  finishExternal(
    requester: Requester,
    input: external.FinishExternalInput,
  ): Promise<external.FinishedExternal>;
  /** Unlinks the account from a provider. */
  unlinkExternal(requester: Requester, session: ActiveSession, input: { provider: string }): Promise<void>;
  /** Changes the password and ends other sessions. `deliver` takes the next token. */
  changePassword(
    requester: Requester,
    held: HeldSession,
    input: { password: string; newPassword: string },
    deliver: Deliver,
  ): Promise<{ ended: number; session: RenewedSession }>;
  /** Sends a password-reset token after responding; the response is the same for everybody. */
  requestPasswordReset(requester: Requester, input: { email: string }): void;
  /** Sets another password with the token that was sent, and ends every session. */
  resetPassword(requester: Requester, input: { token: string; password: string }): Promise<{ ended: number }>;
  /** Sends another token that verifies the account's address. */
  requestEmailVerification(session: ActiveSession): Promise<{ expiresAt: Date }>;
  /** Verifies an address with the token that was sent to it. */
  verifyEmail(requester: Requester, input: { token: string }): Promise<void>;
  /** Asks for another address: its mailbox confirms it, that of the present one can undo it. */
  requestEmailChange(
    requester: Requester,
    session: ActiveSession,
    input: { email: string },
  ): Promise<{ expiresAt: Date }>;
  /** Gives the account the address that the token was sent to. */
  confirmEmailChange(requester: Requester, input: { token: string }): Promise<void>;
  /** Undoes a change of the address, with the token that the address before was sent. */
  undoEmailChange(
    requester: Requester,
    input: { token: string },
  ): Promise<{ ended: number; passwordVoid: boolean }>;
  /** Gives an account its first password. */
  addPassword(requester: Requester, session: ActiveSession, input: { newPassword: string }): Promise<void>;
  /** Erases the account and everything about it. */
  eraseAccount(
    requester: Requester,
    session: ActiveSession,
    input: { password?: string | undefined },
  ): Promise<ErasureReport>;
  /** Waits for what goes on behind answers, at most so long (milliseconds, default 10,000), and writes what is counted. */
  settle(timeoutMs?: number): Promise<void>;
}

/**
 * The flows over one identity object.
 *
 * @throws OptionsError `INVALID_OPTIONS`
 *
 * @example
 * const flows = createFlows({ identity, notifier });
 * const { token } = await flows.signIn(requesterFrom({ address, userAgent }), { identifier, password });
 */
export function createFlows(options: FlowOptions): Flows {
  return flowsOf(contextOf(readOptions(flowOptionsSchema, options)));
}

/** The flows over a context. */
export function flowsOf(context: FlowContext): Flows {
  return refuseActing<Flows>({
    register: (requester, registration) => accounts.register(context, requester, registration),
    signUp: (requester, registration) => signUp(context, requester, registration),
    signIn: (requester, input) => signIns.signIn(context, requester, input),
    answerChallenge: (requester, input) => signIns.answerChallenge(context, requester, input),
    readPending: (requester, input) => pending.readPending(context, requester, input),
    beginPendingPasskey: (requester, input) => pending.beginPendingPasskey(context, requester, input),
    completeSignIn: (requester, proofs) => completeSignIn(context, requester, proofs),
    checkSession: (requester, token) => sessions.checkSession(context, requester, token),
    authenticateAgain: (requester, held, input, deliver) =>
      sessions.authenticateAgain(context, requester, held, input, deliver),
    signOut: (requester, session) => sessions.signOut(context, requester, session),
    requireRecentAuthentication: (session) => requireRecentAuthentication(context, session),
    enrolTotp: (session) => factors.enrolTotp(context, session),
    confirmTotp: (requester, held, input, deliver) =>
      factors.confirmTotp(context, requester, held, input, deliver),
    removeTotp: (requester, session) => factors.removeTotp(context, requester, session),
    createRecoveryCodes: (requester, session) => factors.createRecoveryCodes(context, requester, session),
    beginPasskeyRegistration: (session) => passkeys.beginPasskeyRegistration(context, session),
    addPasskey: (requester, session, input) => passkeys.addPasskey(context, requester, session, input),
    renamePasskey: (session, input) => passkeys.renamePasskey(context, session, input),
    removePasskey: (requester, session, input) => passkeys.removePasskey(context, requester, session, input),
    beginPasskey: (who) => passkeys.beginPasskey(context, who),
    signInWithPasskey: (requester, input) => passkeys.signInWithPasskey(context, requester, input),
    forgetDevices: (requester, session, id) => passkeys.forgetDevices(context, requester, session, id),
    reportSignIn: (requester, session, input) => reports.reportSignIn(context, requester, session, input),
    reportSignInByMail: (requester, input) => reports.reportSignInByMail(context, requester, input),
    undoSignInReport: (requester, session, input) =>
      reports.undoSignInReport(context, requester, session, input),
    requestRecovery: (requester, input) => recovery.requestRecovery(context, requester, input),
    completeRecovery: (requester, input) => recovery.completeRecovery(context, requester, input),
    cancelRecovery: (requester, who) => recovery.cancelRecovery(context, requester, who),
    beginExternal: (input) => external.beginExternal(context, input),
    finishExternal: (requester, input) => external.finishExternal(context, requester, input),
    unlinkExternal: (requester, session, input) =>
      external.unlinkExternal(context, requester, session, input),
    changePassword: (requester, held, input, deliver) =>
      accounts.changePassword(context, requester, held, input, deliver),
    requestPasswordReset: (requester, input) => accounts.requestPasswordReset(context, requester, input),
    resetPassword: (requester, input) => accounts.resetPassword(context, requester, input),
    requestEmailVerification: (session) => accounts.requestEmailVerification(context, session),
    verifyEmail: (requester, input) => accounts.verifyEmail(context, requester, input),
    requestEmailChange: (requester, session, input) =>
      emailChange.requestEmailChange(context, requester, session, input),
    confirmEmailChange: (requester, input) => emailChange.confirmEmailChange(context, requester, input),
    undoEmailChange: (requester, input) => emailChange.undoEmailChange(context, requester, input),
    addPassword: (requester, session, input) => accounts.addPassword(context, requester, session, input),
    eraseAccount: (requester, session, input) => accounts.eraseAccount(context, requester, session, input),
    settle: async (timeoutMs = 10_000) => {
      await context.background.end(timeoutMs);
      await context.identity.flush();
    },
  });
}
