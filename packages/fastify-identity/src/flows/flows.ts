import type { ActiveSession, ErasureReport, PublicUser, Registration, RenewedSession } from "@org/db-models";
import type { HeldSession } from "./accounts.js";
import * as accounts from "./accounts.js";
import { requireRecentAuthentication } from "./assurance.js";
import { completeSignIn, type SignedIn, type SignInProofs } from "./complete-sign-in.js";
import type { FlowContext } from "./context.js";
import * as factors from "./factors.js";
import { contextOf, type FlowOptions, flowOptionsSchema, readOptions } from "./options.js";
import type { Requester } from "./requester.js";
import * as sessions from "./sessions.js";
import * as signIns from "./sign-in.js";
import { signUp } from "./sign-up.js";

type Deliver = (renewed: RenewedSession) => void;

/**
 * Account operations, independent of the framework: each with its defence, risk, audit, alerts and hooks. A flow
 * that refuses throws {@link IdentityProblem}; errors of @org/db-models pass, and {@link toProblem} reads both.
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
  signOut(requester: Requester, session: Pick<ActiveSession, "id" | "userId">): Promise<void>;
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
  /** Takes the authenticator app from the account, and its recovery codes. */
  removeTotp(requester: Requester, session: ActiveSession): Promise<void>;
  /** Makes ten recovery codes in the place of those before. */
  createRecoveryCodes(requester: Requester, session: ActiveSession): Promise<{ codes: string[] }>;
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
  requestEmailVerification(session: Pick<ActiveSession, "userId">): Promise<{ expiresAt: Date }>;
  /** Verifies an address with the token that was sent to it. */
  verifyEmail(requester: Requester, input: { token: string }): Promise<void>;
  /** Erases the account and everything about it. */
  eraseAccount(
    requester: Requester,
    session: ActiveSession,
    input: { password: string },
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
  return {
    register: (requester, registration) => accounts.register(context, requester, registration),
    signUp: (requester, registration) => signUp(context, requester, registration),
    signIn: (requester, input) => signIns.signIn(context, requester, input),
    answerChallenge: (requester, input) => signIns.answerChallenge(context, requester, input),
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
    changePassword: (requester, held, input, deliver) =>
      accounts.changePassword(context, requester, held, input, deliver),
    requestPasswordReset: (requester, input) => accounts.requestPasswordReset(context, requester, input),
    resetPassword: (requester, input) => accounts.resetPassword(context, requester, input),
    requestEmailVerification: (session) => accounts.requestEmailVerification(context, session),
    verifyEmail: (requester, input) => accounts.verifyEmail(context, requester, input),
    eraseAccount: (requester, session, input) => accounts.eraseAccount(context, requester, session, input),
    settle: async (timeoutMs = 10_000) => {
      await context.background.end(timeoutMs);
      await context.identity.flush();
    },
  };
}
