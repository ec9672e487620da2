import type { Types } from "mongoose";
import type {
  ReportedSignIn,
  SignInReportDocument,
  SignInReportState,
  TakenOff,
} from "../schemas/sign-in-report.js";

/** What a report took off the account, by names. */
export interface TakenOffSummary
  extends Pick<TakenOff, "apiKeys" | "totp" | "recoveryCodes" | "password" | "email"> {
  passkeys: string[];
  providers: string[];
  /** How many apps lost their consent. */
  apps: number;
}

/** A report of a sign-in as somebody else's, without anything secret. */
export interface SignInReport {
  id: Types.ObjectId;
  userId: Types.ObjectId;
  sessionId: Types.ObjectId;
  state: Exclude<SignInReportState, "offered">;
  reportedAt: Date;
  /** Whether it was said from a mail, and not from a session. */
  byMail: boolean;
  signIn: ReportedSignIn;
  takenOff: TakenOffSummary;
  /** Until when {@link SignInReports.undo} gives passkeys and linked identities back; absent when there is nothing to undo. */
  undoUntil?: Date;
  undoneAt?: Date;
  /** How many passkeys and linked identities were given back. */
  restored?: number;
  /** Whether the owner was told. */
  told: boolean;
}

/** A report that was made: its facts are there. */
export type MadeReport = SignInReportDocument &
  Required<Pick<SignInReportDocument, "reportedAt" | "signIn" | "takenOff" | "undoUntil" | "userGeneration">>;

/** Whether somebody has pressed the button. */
export const isMade = (report: SignInReportDocument): report is MadeReport => report.state !== "offered";

export function summarise(report: MadeReport): SignInReport {
  const { _id: id, userId, sessionId, state, reportedAt, signIn, undoneAt, restored } = report;
  return {
    id,
    userId,
    sessionId,
    state: state as SignInReport["state"],
    reportedAt,
    byMail: report.fromSessionId === undefined,
    signIn,
    takenOff: namesOf(report.takenOff),
    ...(state === "done" && { undoUntil: report.undoUntil }),
    ...(undoneAt && { undoneAt }),
    ...(restored !== undefined && { restored }),
    told: report.toldAt !== undefined,
  };
}

function namesOf({ passkeys, externalIdentities, apps, ...rest }: TakenOff): TakenOffSummary {
  return {
    ...rest,
    passkeys: passkeys.map(({ name }) => name),
    providers: externalIdentities.map(({ provider }) => provider),
    apps: apps.length,
  };
}
