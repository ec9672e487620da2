import { Types } from "mongoose";
import { expect, test } from "vitest";
import { formToken, textOf, type Visitor } from "../pages/visitor.js";
import { useIdentity } from "../support.js";
import { browserOf, makeAdmin, makeUser } from "./world.js";

const setting = useIdentity();
const reason = "Ticket 4711";

async function world(...roles: Parameters<typeof makeAdmin>[2][]) {
  const app = await setting.app({ admin: true });
  const admin = await makeAdmin(setting, app, ...roles);
  return {
    app,
    admin,
    browser: await browserOf(app, admin),
    users: [await makeUser(app), await makeUser(app)],
  };
}

/** Sends a form of a page, as a browser without script does. */
async function press(browser: Visitor, page: string, to: string, fields: Record<string, string> = {}) {
  const { body } = await browser.get(page);
  expect(body).toContain(`action="/admin/jobs${to}"`);
  return browser.post(`/admin/jobs${to}`, { form_token: formToken(body), ...fields });
}

async function shownOnceEnded(browser: Visitor, at: string): Promise<string> {
  for (;;) {
    const { body } = await browser.get(at);
    if (!body.includes('data-follow="')) return body;
  }
}

test("a list becomes a job: who it is for, the number typed, what came of each, a file", async () => {
  const { browser, admin, users } = await world("identity:support");
  const emails = users.map(({ email }) => email);
  const list = (entries: string) =>
    press(browser, "/admin/jobs", "/list", { act: "lock", reason, users: entries });
  const empty = await list("  ");
  expect(empty.statusCode).toBe(422);
  expect(empty.body).toContain('href="#list-users"');
  const made = await list([...emails, admin.email, "nobody@example.com"].join("\r\n"));
  const at = String(made.headers.location);
  const path = at.replace("/admin/jobs", "");
  const shown = textOf((await browser.get(at)).body);
  for (const text of ["Not started", "To do 2", "Left out 1", "Your own account", "(entry 4 )", ...emails])
    expect(shown).toContain(text);
  const wrong = await press(browser, at, `${path}/start`, { count: "3" });
  expect(wrong.statusCode).toBe(400);
  expect(textOf(wrong.body)).toContain("Nothing was started.");
  expect((await press(browser, at, `${path}/start`, { count: "2" })).headers.location).toBe(at);
  const done = await shownOnceEnded(browser, at);
  expect(textOf(done)).toContain("Done 2");
  expect(done).toContain(`href="${at}/results"`);
  const only = await browser.get(`${at}?state=excluded`);
  expect(only.body).toContain(admin.email);
  expect(only.body).not.toContain(String(emails[0]));
  const file = await browser.get(`${at}/results`);
  expect(file.headers["content-disposition"]).toContain(".ndjson");
  expect(file.body.trim().split("\n")).toHaveLength(5);
  expect(textOf((await browser.get("/admin/jobs")).body)).toContain("Lock the accounts");
});

test("a filter begins with the list that somebody comes from, and a role stands alone", async () => {
  const { browser } = await world("identity:support");
  expect((await browser.get("/admin/users?status=suspended")).body).toContain(
    'href="/admin/jobs?sort=created&amp;status=suspended"',
  );
  const from = await browser.get("/admin/jobs?sort=created&status=suspended");
  expect(from.body).toMatch(/<option value="suspended" selected/);
  const filter = { act: "unlock", reason, by: "created", since: "", until: "" };
  const both = await press(browser, "/admin/jobs", "/filter", {
    ...filter,
    status: "active",
    role: "editor",
  });
  expect(both.statusCode).toBe(422);
  expect(both.body).toContain('href="#filter-role"');
  const made = await press(browser, "/admin/jobs", "/filter", { ...filter, status: "suspended", role: "" });
  const page = await browser.get(String(made.headers.location));
  expect(textOf(page.body)).toMatch(/status Locked ?, role any ?, the account’s creation from any ?to any/);
});

test("a job is paused, resumed by its own administrator, and cancelled", async () => {
  const { browser, admin, users } = await world("identity:support");
  const other = await world("identity:support");
  const { id } = await setting.identity.bulkJobs.prepare({
    act: "lock",
    reason,
    createdBy: admin.id,
    users: users.map((user) => user.id),
    excluded: [],
  });
  const at = `/admin/jobs/${id.toHexString()}`;
  const path = `/${id.toHexString()}`;
  expect((await other.browser.get(at)).body).not.toContain(`${at}/start`);
  await setting.identity.bulkJobs.start({ id, createdBy: admin.id });
  const running = await browser.get(at);
  expect(running.body).toContain(`data-follow="${at}/progress"`);
  await press(other.browser, at, `${path}/pause`);
  const paused = await other.browser.get(at);
  expect(paused.body).not.toContain(`${at}/resume`);
  expect(textOf(paused.body)).toContain("Only who started the job can resume it.");
  expect((await browser.get(at)).body).toContain(`${at}/resume`);
  await press(browser, at, `${path}/cancel`);
  expect(textOf((await browser.get(at)).body)).toContain("Cancelled");
  const followed = await browser.get(`${at}/progress`);
  expect(followed.headers["content-type"]).toContain("text/event-stream");
  expect(followed.body).toContain("event: over");
  for (const unknown of ["/admin/jobs/x", `/admin/jobs/${new Types.ObjectId()}`])
    expect((await browser.get(unknown)).statusCode).toBe(404);
});

test("erasing many takes a second administrator, who sees the job", async () => {
  const { browser, users } = await world("identity:admin");
  const { browser: other } = await world("identity:admin");
  const list = { act: "erase", reason, users: users.map(({ userId }) => userId).join(" ") };
  const made = await press(browser, "/admin/jobs", "/list", list);
  const at = String(made.headers.location);
  const path = at.replace("/admin/jobs", "");
  await press(browser, at, `${path}/request-approval`);
  const theirs = await other.get("/admin/approvals");
  expect(textOf(theirs.body)).toContain("Erase the users of a bulk job");
  expect(theirs.body).toContain(`href="${at}"`);
  const [, id = ""] = /name="id" value="([0-9a-f]{24})"/.exec(theirs.body) ?? [];
  await other.post("/admin/approvals/approve", { form_token: formToken(theirs.body), id });
  expect(textOf((await browser.get("/admin/approvals")).body)).toContain("Start the job now");
  const [, approval = ""] = /name="approval" value="([0-9a-f]{24})"/.exec((await browser.get(at)).body) ?? [];
  await press(browser, at, `${path}/start`, { count: "2", approval });
  expect(textOf(await shownOnceEnded(browser, at))).toContain("Done 2");
});
