import type { Types } from "mongoose";
import type { Context } from "../context/context.js";
import { duration } from "../core/limits.js";
import { putOff } from "../queries/update.js";
import type { SignInReportDocument } from "../schemas/sign-in-report.js";
import { isMade, type MadeReport } from "./summary.js";

/** What a crash stopped is taken up again after this long. */
export const resumeAfterMs = duration.minute;
/** Requests that were under way have this long to arrive before a report is gone through once more. */
export const lateWritesMs = 10 * duration.minute;

/** Takes a report up for a while, in one of any number of processes. */
export async function takeUp(
  { models, now }: Context,
  { _id, sweepAt }: Pick<SignInReportDocument, "_id" | "sweepAt">,
): Promise<boolean> {
  if (!sweepAt || sweepAt > now) return false;
  return putOff(models.SignInReport, { _id, sweepAt }, "sweepAt", new Date(now.getTime() + resumeAfterMs));
}

/** A report that was made, as it is now. */
export async function readAgain({ models }: Context, _id: Types.ObjectId): Promise<MadeReport | undefined> {
  const report = await models.SignInReport.collection.findOne<SignInReportDocument>({ _id });
  return report && isMade(report) ? report : undefined;
}
