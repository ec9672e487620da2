import type { Types } from "mongoose";
import type { Context } from "../context/context.js";
import { type Failures, noFailures, noteFailure } from "../core/one-by-one.js";
import { type Page, queries } from "../queries/queries.js";
import { damageAt, leaveOut, runQuery, runUnchecked, sound } from "../queries/run-query.js";
import { bringForward } from "../queries/update.js";
import type { SignInReportDocument } from "../schemas/sign-in-report.js";
import { beginReport, type ReportRefusal, type SignInReportInput } from "./begin.js";
import { carryOut } from "./carry-out.js";
import { lateWritesMs, readAgain, resumeAfterMs, takeUp } from "./due.js";
import { isMade, type MadeReport, type SignInReport, summarise } from "./summary.js";
import { takeOffAdded } from "./take-off.js";
import { giveBack } from "./undo.js";

export type SignInReporting =
  | {
      ok: true;
      /** True for the one press of any number that made the report. */
      created: boolean;
      report: SignInReport;
    }
  | { ok: false; reason: ReportRefusal };

export async function reportSignIn(context: Context, input: SignInReportInput): Promise<SignInReporting> {
  const begun = await beginReport(context, input);
  if (!begun.ok) return begun;
  const { created, report } = begun;
  // Another press may have stopped half way.
  if (report.state === "pending" && (created || (await takeUp(context, report)))) {
    await carryOut(context, report);
  }
  return { ok: true, created, report: summarise((await readAgain(context, report._id)) ?? report) };
}

export async function listReports(
  { models }: Context,
  { userId, page }: { userId?: Types.ObjectId; page?: Page },
): Promise<SignInReport[]> {
  const query = userId ? queries.signInReportsOfUser(userId, page) : queries.newestSignInReports(page);
  const found = await runQuery<SignInReportDocument>(models, query);
  return found.filter(isMade).filter(hasFacts).map(summarise);

  function hasFacts(report: MadeReport): boolean {
    const missing = made.find((fact) => report[fact] === undefined);
    if (missing) leaveOut(models, damageAt(models.SignInReport.collection.name, report, missing));
    return missing === undefined;
  }
}

/** Facts of a report that was made; an offer has none of them. */
const made = ["reportedAt", "signIn", "takenOff"] as const;

/** What came of the reports that were due. A failed one is due again a minute later. */
export interface ResumedReports extends Failures<Types.ObjectId> {
  /** Those that are not `told` are to be told their owners. */
  reports: SignInReport[];
}

export async function resumeReports(context: Context): Promise<ResumedReports> {
  const { models, now } = context;
  await bringForward(models.SignInReport, "sweepAt", now, lateWritesMs);
  const due = await runUnchecked(models, queries.dueSignInReports(now));
  const resumed: ResumedReports = { reports: [], ...noFailures() };
  for (const report of due) {
    if (!isMade(report)) continue;
    try {
      if (!(await takeUp(context, report))) continue;
      sound(models, models.SignInReport.collection.name, report);
      await goOn(context, report);
      const stored = await readAgain(context, report._id);
      if (stored) resumed.reports.push(summarise(stored));
    } catch (error) {
      noteFailure(resumed, report._id, error);
    }
  }
  return resumed;
}

async function goOn(context: Context, report: MadeReport): Promise<void> {
  if (report.state === "pending") await carryOut(context, report);
  else if (report.state === "undoing") await giveBack(context, report);
  else await sweep(context, report);
}

/** For requests that were under way at the report. It stays due until its owner was told, as long as it can be undone. */
async function sweep(context: Context, report: SignInReportDocument): Promise<void> {
  const { models, now } = context;
  const { _id, toldAt, undoUntil } = report;
  await takeOffAdded(context, report);
  const isOver = toldAt !== undefined || (undoUntil !== undefined && undoUntil <= now);
  const later = { $set: { sweepAt: new Date(now.getTime() + resumeAfterMs) } };
  await models.SignInReport.collection.updateOne(
    { _id, state: "done" },
    isOver ? { $unset: { sweepAt: "" } } : later,
  );
}

export async function noteTold({ models, now }: Context, { id }: { id: Types.ObjectId }): Promise<void> {
  await models.SignInReport.collection.updateOne({ _id: id }, { $set: { toldAt: now } });
}
