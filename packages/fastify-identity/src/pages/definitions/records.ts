import { Readable } from "node:stream";
import type { SecurityEventKind } from "@org/db-models";
import { writePagePosition } from "@org/db-models/queries";
import { audit, byOwner } from "../../flows/audit.js";
import { sessionOf } from "../../http/guards/identity-of.js";
import { requesterOf } from "../../http/requests.js";
import { everyDay } from "../every-day.js";
import { FieldErrors, type PageDefinition } from "../serve/define-page.js";
import { fields } from "../serve/fields.js";
import { positionOf } from "./api-keys.js";

const limit = 50;

/** What was done in a session that may be a stranger's. */
const reportable: ReadonlySet<SecurityEventKind> = new Set([
  "new_device",
  "new_location",
  "risk_high",
  "second_factor_changed",
]);

/** The security events of an account. */
export const activityPage: PageDefinition<"activity"> = {
  name: "activity",
  path: "/activity",
  access: "session",
  view: async (page) => {
    const { userId, id: current } = sessionOf(page.request);
    const before = positionOf(page);
    const wanted = { limit, ...(before && { before }) };
    const events = await page.site.service.identity.securityEvents.list({ userId, page: wanted });
    const last = events.length === limit ? events.at(-1) : undefined;
    return {
      events: events.map(({ kind, severity, at, device, country, network, sessionId }) => ({
        kind,
        severity,
        at,
        device,
        country,
        network,
        sessionId: sessionId?.equals(current) || !reportable.has(kind) ? undefined : sessionId?.toHexString(),
      })),
      next: last && writePagePosition({ at: last.at, id: last._id }),
      isFirst: before === undefined,
    };
  },
  forms: [],
};

const days = 30;
const endpoints = 10;
const devices = 5;

export const usagePage: PageDefinition<"usage"> = {
  name: "usage",
  path: "/usage",
  access: "session",
  view: async (page) => {
    const { service } = page.site;
    const { userId } = sessionOf(page.request);
    const report = await service.identity.users.analytics({ userId, days });
    const { requests, failures, byDay, byEndpoint } = report.usage;
    return {
      days,
      requests,
      failures,
      signIns: report.logins.total,
      byDay: everyDay(byDay, service.clock.now(), days),
      endpoints: byEndpoint.slice(0, endpoints),
      devices: report.devices.slice(0, devices).map(({ label, lastSeenAt }) => ({ label, lastSeenAt })),
    };
  },
  forms: [],
};

/** Export and erasure. */
export const dataPage: PageDefinition<"data"> = {
  name: "data",
  path: "/data",
  access: "session",
  view: async (page, state) => {
    const [{ email }, hasPassword] = await Promise.all([page.user(), page.hasPassword()]);
    return { state, email, hasPassword };
  },
  forms: [
    {
      name: "export",
      path: "/data/export",
      answers: "file",
      access: "recent",
      submit: async (page) => {
        const { service } = page.site;
        const { _id: userId } = await page.user();
        await audit(service, requesterOf(service, page.request), byOwner(userId, "account.exported"));
        const lines = async function* () {
          for await (const record of service.identity.privacy.export(userId))
            yield `${JSON.stringify(record)}\n`;
        };
        return page.reply
          .type("application/x-ndjson")
          .headers({
            "cache-control": "no-store",
            "x-content-type-options": "nosniff",
            "content-disposition": 'attachment; filename="account.ndjson"',
          })
          .send(Readable.from(lines()));
      },
    },
    {
      name: "erase",
      path: "/data/erase",
      limited: true,
      problemAt: { BAD_CREDENTIALS: "password" },
      problemTexts: { BAD_CREDENTIALS: { id: "problem.own_password" } },
      submit: async (page, form) => {
        const hasPassword = await page.hasPassword();
        const { password } = hasPassword ? form.read({ password: fields.password }) : {};
        if (form.text("confirmed") !== "yes")
          throw new FieldErrors({ confirmed: { id: "error.erase_confirm" } });
        const { service } = page.site;
        const requester = requesterOf(service, page.request);
        await service.flows.eraseAccount(requester, sessionOf(page.request), { password });
        page.setCookie(service.cookies.endSession());
        return page.redirect(page.link("/sign-in"), { id: "data.erased" });
      },
    },
  ],
};
