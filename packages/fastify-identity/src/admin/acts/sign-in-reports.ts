import type { SignInReport } from "@org/db-models";
import { writePagePosition } from "@org/db-models/queries";
import type { Types } from "mongoose";
import { type Acting, noteRead } from "../acting.js";
import { accountsOf } from "./administrators.js";

/** A report of a sign-in, and whose it is; without an address once the account is gone. */
export type KnownReport = SignInReport & { readonly email: string | undefined };

export interface ReportPage {
  readonly reports: readonly KnownReport[];
  readonly next: string | undefined;
}

type Page = NonNullable<Parameters<Acting["service"]["identity"]["signInReports"]["list"]>[0]["page"]>;

/** Reports of sign-ins as somebody else's, the newest first: of a user, or of everybody. */
export async function listReports(
  acting: Acting,
  { userId, page }: { userId?: Types.ObjectId | undefined; page: Page & { limit: number } },
): Promise<ReportPage> {
  const { identity } = acting.service;
  const reports = await identity.signInReports.list({ page, ...(userId && { userId }) });
  const accounts = await accountsOf(
    acting,
    reports.map((report) => report.userId),
  );
  const details = { found: String(reports.length) };
  await noteRead(acting, {
    action: "admin.sign_in_reports_listed",
    details,
    ...(userId && { subjectId: userId }),
  });
  const last = reports.length === page.limit ? reports.at(-1) : undefined;
  return {
    reports: reports.map((report) => ({
      ...report,
      email: accounts.get(report.userId.toHexString())?.email,
    })),
    next: last && writePagePosition({ at: last.reportedAt, id: last.id }),
  };
}
