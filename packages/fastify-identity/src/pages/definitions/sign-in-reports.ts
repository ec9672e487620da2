import type { SignInReport } from "@org/db-models";
import { sessionOf } from "../../http/guards/identity-of.js";
import { requesterOf } from "../../http/requests.js";
import type { Page } from "../page.js";
import type { FormDefinition } from "../serve/define-page.js";
import { fields } from "../serve/fields.js";
import { sessionOfBrowser } from "../serve/session-of-browser.js";
import type { ReportView } from "../views.js";
import { mailedLinkPage } from "./mailed-link.js";

const shown = 5;

/** The newest reports of the account. */
export async function readReports(page: Page): Promise<ReportView[]> {
  const { userId } = sessionOf(page.request);
  const reports = await page.site.service.identity.signInReports.list({ userId, page: { limit: shown } });
  const now = page.site.service.clock.now();
  return reports.map(({ id, signIn, reportedAt, takenOff, undoUntil, undoneAt, restored = 0 }) => ({
    id: id.toHexString(),
    device: signIn.device,
    country: signIn.country,
    reportedAt,
    takenOff,
    undoUntil: undoUntil && undoUntil > now ? undoUntil : undefined,
    undoneAt,
    restored,
  }));
}

/** The forms of the security page that report a sign-in, and undo a report. */
export const reportForms = (path: string): FormDefinition[] => [
  {
    name: "not-mine",
    path: `${path}/sessions/not-mine`,
    submit: async (page, form) => {
      const { id: sessionId } = form.read({ id: fields.id });
      const { service } = page.site;
      const requester = requesterOf(service, page.request);
      const report = await service.flows.reportSignIn(requester, sessionOf(page.request), { sessionId });
      return (await sessionOfBrowser(page))
        ? page.redirect(page.link(path), { id: "security.not_mine_done" })
        : signInAgain(page, report);
    },
  },
  {
    name: "undo-report",
    path: `${path}/reports/undo`,
    access: "recent",
    submit: async (page, form) => {
      const { id } = form.read({ id: fields.id });
      const { service } = page.site;
      const requester = requesterOf(service, page.request);
      const { restored = 0 } = await service.flows.undoSignInReport(requester, sessionOf(page.request), {
        id,
      });
      return page.redirect(page.link(path), { id: "security.report_undo_done", values: { count: restored } });
    },
  },
];

/** For who followed the link of a mail. */
export const reportSignInPage = mailedLinkPage({
  name: "reportSignIn",
  path: "/not-me",
  invalid: { id: "not_me.invalid" },
  use: async (page, token) => {
    const { service } = page.site;
    const report = await service.flows.reportSignInByMail(requesterOf(service, page.request), { token });
    return signInAgain(page, report);
  },
});

async function signInAgain(page: Page, { takenOff }: SignInReport) {
  if (!(await sessionOfBrowser(page))) page.setCookie(page.site.service.cookies.endSession());
  const id = takenOff.password ? "not_me.locked" : "not_me.done";
  return page.redirect(page.link("/sign-in"), { id });
}
