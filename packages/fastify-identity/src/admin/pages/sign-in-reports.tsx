import { readPagePosition } from "@org/db-models/queries";
import { Types } from "mongoose";
import { IdentityProblem } from "../../flows/problems.js";
import { Codes } from "../../pages/components/codes.js";
import { Pager } from "../../pages/components/pager.js";
import { TakenOff } from "../../pages/templates/sign-in-reports.js";
import { type KnownReport, listReports, type ReportPage } from "../acts/sign-in-reports.js";
import type { AdminPage } from "./parts/define.js";
import type { AdminFrame } from "./parts/frame.js";
import { AdminLayout, Moment } from "./parts/layout.js";

const path = "/reports";
const limit = 25;

type View = ReportPage & {
  /** Whose reports they are; undefined for everybody's. */
  readonly user: string | undefined;
  readonly isFirst: boolean;
};

export const reportsPage: AdminPage<View> = {
  path,
  permission: "users:read",
  template: Reports,
  view: async ({ acting, page }) => {
    const [before, user] = [page.query("before"), page.query("user") || undefined];
    if (user !== undefined && !/^[0-9a-f]{24}$/.test(user)) throw new IdentityProblem("NOT_FOUND");
    const userId = user === undefined ? undefined : new Types.ObjectId(user);
    const position = before === undefined ? undefined : readPagePosition(before);
    const list = await listReports(acting, {
      userId,
      page: { limit, ...(position && { before: position }) },
    });
    return { ...list, user, isFirst: before === undefined };
  },
  forms: [],
};

function Reports({ view, frame }: { view: View; frame: AdminFrame }) {
  const { reports, next, user, isFirst } = view;
  return (
    <AdminLayout frame={frame} section={path} title={frame.t("admin.reports")}>
      <p class="muted">{frame.say("admin.reports_text")}</p>
      <section class="card stack">
        {user && (
          <div class="row">
            <h2>{frame.say("admin.reports_of", { email: reports[0]?.email ?? user })}</h2>
            <a href={frame.admin.link(path)}>{frame.say("admin.reports_all")}</a>
          </div>
        )}
        {reports.length === 0 ? (
          <p>{frame.say("admin.reports_none")}</p>
        ) : (
          <ul class="list">
            {reports.map((report) => (
              <Report key={report.id.toHexString()} report={report} frame={frame} />
            ))}
          </ul>
        )}
        <Pager
          frame={frame}
          next={next}
          isFirst={isFirst}
          linkTo={(page) => frame.admin.link(path, { user, ...page })}
        />
      </section>
    </AdminLayout>
  );
}

const looks = { pending: "warn", done: "good", undoing: "warn", undone: "calm" } as const;

function Report({ report, frame }: { report: KnownReport; frame: AdminFrame }) {
  const { userId, email, signIn, state, takenOff, reportedAt, byMail, undoneAt } = report;
  const { device, network, country, at, risk } = signIn;
  return (
    <li>
      <div class="what stack-s">
        <p>
          <a href={frame.admin.link(`/users/${userId.toHexString()}`)}>
            <bdi>{email ?? userId.toHexString()}</bdi>
          </a>{" "}
          <span class={`tag ${looks[state]}`}>{frame.say(`admin.report_${state}`)}</span>
        </p>
        <p class="small">
          <bdi>{[device, country, network].filter(Boolean).join(" · ")}</bdi>
        </p>
        <p class="small">
          {frame.say(`admin.risk_${risk.level}`)}{" "}
          {risk.score !== undefined && frame.say("admin.report_score", { score: Math.round(risk.score) })}{" "}
          <Codes of={risk.reasons} />
        </p>
        <TakenOff takenOff={takenOff} frame={frame} />
        <p class="muted small">
          {frame.say(byMail ? "admin.report_by_mail" : "admin.report_by_session", {
            date: <Moment frame={frame} at={reportedAt} />,
            signIn: <Moment frame={frame} at={at} />,
          })}
          {undoneAt && " · "}
          {undoneAt && frame.say("admin.report_undone_at", { date: <Moment frame={frame} at={undoneAt} /> })}
        </p>
      </div>
    </li>
  );
}
