import type { PublicUser, SignInReport } from "@org/db-models";
import { writePagePosition } from "@org/db-models/queries";
import type { Types } from "mongoose";
import { type Acting, noteRead } from "../acting.js";

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
  const emails = await emailsOf(acting, reports);
  const details = { found: String(reports.length) };
  await noteRead(acting, {
    action: "admin.sign_in_reports_listed",
    details,
    ...(userId && { subjectId: userId }),
  });
  const last = reports.length === page.limit ? reports.at(-1) : undefined;
  return {
    reports: reports.map((report) => ({ ...report, email: emails.get(report.userId.toHexString()) })),
    next: last && writePagePosition({ at: last.reportedAt, id: last.id }),
  };
}

async function emailsOf(
  { service }: Acting,
  reports: readonly SignInReport[],
): Promise<ReadonlyMap<string, string>> {
  const { collection } = service.identity.models.User;
  const found = await collection
    .find<Pick<PublicUser, "_id" | "email">>(
      { _id: { $in: reports.map(({ userId }) => userId) } },
      { projection: { email: 1 } },
    )
    .toArray();
  return new Map(found.map(({ _id, email }) => [_id.toHexString(), email]));
}
