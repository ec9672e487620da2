import type { Types } from "mongoose";
import { operationsOf, type Shared } from "../context/context.js";
import type { Page } from "../queries/queries.js";
import { offerReport, type SignInReportInput, type SignInReportOffer } from "./begin.js";
import {
  listReports,
  noteTold,
  type ResumedReports,
  reportSignIn,
  resumeReports,
  type SignInReporting,
} from "./report.js";
import type { SignInReport } from "./summary.js";
import { type SignInReportUndo, undoReport } from "./undo.js";

/** Reports of a sign-in as somebody else's: "this was not me". */
export interface SignInReports {
  /**
   * Makes the token of a mail's button, with which the mail's reader reports the sign-in. It is good for one report, a week.
   *
   * @throws IdentityError `SESSION_NOT_FOUND`.
   */
  offer(input: { userId: Types.ObjectId; sessionId: Types.ObjectId }): Promise<SignInReportOffer>;
  /**
   * Reports a sign-in. Its session ends, and so do its apps' authorizations; every remembered device is forgotten; the
   * network, the device and the country are the owner's no longer. What was added from the session goes: passkeys,
   * authenticator app, recovery codes, linked identities, API keys, consents, and a change of the address is undone. A
   * password that the sign-in showed, or that was set in the session, opens nothing until another one is set by mail. Where
   * anything was taken off, or the password was locked, every session ends. Writes the security event `sign_in_reported`.
   *
   * Of any number of presses, in whichever processes, one makes the report; one that is killed half way is gone on with by
   * the next press, or by {@link SignInReports.resume}. That it is the owner who asks is for the caller to see.
   *
   * @param input - `token` as presented: anything is refused, never thrown at.
   * @throws IdentityError `CONTENTION`.
   *
   * @example
   * const reported = await identity.signInReports.report({ token: request.body.token });
   * if (!reported.ok) return reply.code(400).send({ reason: reported.reason });
   */
  report(input: SignInReportInput): Promise<SignInReporting>;
  /**
   * Gives back the passkeys and linked identities that a report took off, as far as nobody else has them, and withdraws what
   * it told the risk profile. An authenticator app, recovery codes, API keys, consents and the password are not given back:
   * their owner makes them again. That the user has proved lately who they are is for the caller to see.
   */
  undo(input: { userId: Types.ObjectId; id: Types.ObjectId }): Promise<SignInReportUndo>;
  /** Reports, the newest first: of a user, or of everybody. */
  list(input: { userId?: Types.ObjectId; page?: Page }): Promise<SignInReport[]>;
  /** Notes that the owner was told of a report; until then {@link SignInReports.resume} returns it again. */
  noteTold(input: { id: Types.ObjectId }): Promise<void>;
  /**
   * Goes on with what a crash stopped, and through each report once more, for requests that were under way. Call it now and
   * then, in as many processes as you like. One that fails does not keep the others from their turn.
   *
   * @returns the reports that it went through, and what failed; those that are not `told` are to be told their owners.
   */
  resume(): Promise<ResumedReports>;
}

export function signInReportsOf(identity: Shared): SignInReports {
  const on = operationsOf(identity);
  return {
    offer: on(offerReport),
    report: on(reportSignIn),
    undo: on(undoReport),
    list: on(listReports),
    noteTold: on(noteTold),
    resume: on(resumeReports),
  };
}
