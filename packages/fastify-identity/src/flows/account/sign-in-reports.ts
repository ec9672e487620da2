import type { ActiveSession, AuditInput, SignInReport } from "@org/db-models";
import type { Types } from "mongoose";
import { audit, byOwner, failedAttempt } from "../audit.js";
import type { FlowContext } from "../context.js";
import type { FlowLog } from "../flow-log.js";
import { sendNotice } from "../notices/send-notice.js";
import { IdentityProblem } from "../problems.js";
import type { Requester } from "../requester.js";
import { passwordReset, signInReported } from "../sign-in/alerts.js";
import { requireRecentAuthentication, requireRecentAuthenticationBesides } from "./assurance.js";

/**
 * Reports a sign-in as somebody else's, from another session: what `signInReports.report` does, and the owner is told. The
 * session of the request may end too.
 *
 * @throws IdentityProblem `FEEDBACK_NOT_TAKEN`, `RECENT_AUTHENTICATION_REQUIRED`, `SESSION_NOT_FOUND`; IdentityError
 * `AUDIT_NOT_WRITTEN`, `CONTENTION`.
 */
export async function reportSignIn(
  context: FlowContext,
  requester: Requester,
  session: ActiveSession,
  { sessionId }: { sessionId: Types.ObjectId },
): Promise<SignInReport> {
  const { id: fromSessionId, userId } = session;
  // A thief would report themself to end the owner's sessions, or the owner to have their factors taken off.
  if (sessionId.equals(fromSessionId)) throw new IdentityProblem("FEEDBACK_NOT_TAKEN");
  await requireRecentAuthenticationBesides(context, session, sessionId);
  const reported = await context.identity.signInReports.report({ userId, sessionId, fromSessionId });
  if (!reported.ok) throw new IdentityProblem("SESSION_NOT_FOUND");
  return afterwards(context, requester, reported);
}

/**
 * Reports a sign-in with the token of its mail; without a session, for its reader may have none.
 *
 * @throws IdentityProblem `TOKEN_INVALID`; IdentityError `AUDIT_NOT_WRITTEN`, `CONTENTION`.
 */
export async function reportSignInByMail(
  context: FlowContext,
  requester: Requester,
  { token }: { token: string },
): Promise<SignInReport> {
  const reported = await context.identity.signInReports.report({ token });
  if (reported.ok) return afterwards(context, requester, reported);
  await audit(context, requester, failedAttempt("sign_in.reported", reported));
  throw new IdentityProblem("TOKEN_INVALID", { reason: reported.reason });
}

/**
 * Undoes a report: passkeys and linked identities are given back.
 *
 * @throws IdentityProblem `RECENT_AUTHENTICATION_REQUIRED`; `REPORT_NOT_FOUND` for one that is not there, or can no longer
 * be undone; IdentityError `AUDIT_NOT_WRITTEN`.
 */
export async function undoSignInReport(
  context: FlowContext,
  requester: Requester,
  session: ActiveSession,
  { id }: { id: Types.ObjectId },
): Promise<SignInReport> {
  await requireRecentAuthentication(context, session);
  const { userId } = session;
  const undone = await context.identity.signInReports.undo({ userId, id });
  if (!undone.ok) throw new IdentityProblem("REPORT_NOT_FOUND", { reason: undone.reason });
  const { restored = 0 } = undone.report;
  const event = byOwner(userId, "sign_in.report_undone", { restored: String(restored) });
  await audit(context, requester, { ...event, ...targetOf(undone.report) });
  return undone.report;
}

/** Tells the owners of reports of which a process that is gone did not tell them. */
export async function tellOfReports(
  context: FlowContext,
  log: FlowLog,
  reports: readonly SignInReport[],
): Promise<void> {
  for (const report of reports.filter(({ told, state }) => !told && state === "done")) {
    try {
      await context.auditTrail(eventOf(report));
      tell(context, log, report);
    } catch (err) {
      log.error(
        { err, report: report.id.toHexString() },
        "a reported sign-in was not recorded: it is tried again",
      );
    }
  }
}

async function afterwards(
  context: FlowContext,
  requester: Requester,
  { created, report }: { created: boolean; report: SignInReport },
): Promise<SignInReport> {
  if (!created) return report;
  // The owner is told even if the audit trail can't be written.
  tell(context, requester.log, report);
  await audit(context, requester, eventOf(report));
  return report;
}

/** Who was told of it is noted afterwards: a process that dies in between tells them once more. */
function tell(context: FlowContext, log: FlowLog, report: SignInReport): void {
  const failed = (err: unknown) => log.error({ err }, "the owner was not told of a reported sign-in");
  context.background.run(async () => {
    const { users, signInReports } = context.identity;
    const { email } = await users.read(report.userId);
    await sendNotice(context, signInReported(report, email));
    if (report.takenOff.password) {
      const asked = await users.requestPasswordReset({ email });
      if (asked.ok) await sendNotice(context, passwordReset(asked, report.signIn));
    }
    await signInReports.noteTold({ id: report.id });
  }, failed);
}

const targetOf = ({ sessionId }: SignInReport) => ({
  targetType: "session",
  targetId: sessionId.toHexString(),
});

function eventOf(report: SignInReport): AuditInput {
  const { passkeys, providers, apiKeys, apps, totp, password } = report.takenOff;
  const details = {
    from: report.byMail ? "mail" : "session",
    passkeys: String(passkeys.length),
    providers: String(providers.length),
    apiKeys: String(apiKeys.length),
    apps: String(apps),
    totp: String(totp),
    password: String(password),
  };
  return { ...byOwner(report.userId, "sign_in.reported", details), ...targetOf(report) };
}
