import { Types } from "mongoose";
import type { BrowserContext, Page as Tab } from "playwright-core";
import { beforeAll, describe, expect, test } from "vitest";
import { makeClient } from "../oauth/world.js";
import { faultsOf, forms, useBrowser } from "../pages/browser.js";
import { password, someone, useIdentity } from "../support.js";
import { type Admin, makeAdmin } from "./world.js";

const setting = useIdentity();
const health = async () => ({
  score: 74,
  parts: [
    { part: "indexes", points: 80 },
    { part: "storage", points: null },
  ],
  findings: [
    {
      code: "UNUSED_INDEX",
      part: "indexes",
      severity: "warning" as const,
      subject: "users.old_name_1",
      message: "No query has used the index for 30 days",
      evidence: "0 uses since 2096-01-30, 1.4 MB",
      command: "org-db drop users.old_name_1 --run",
    },
  ],
  undecided: true,
});
const site = useBrowser(setting, undefined, { admin: { health } });

let admin: Admin;
let userId = "";
let clientId = "";
let jobId = "";
const name = "Ada بنت Lovelace <script>alert(1)</script>";

beforeAll(async () => {
  const { app } = site;
  admin = await makeAdmin(setting, app, "identity:admin");
  const other = await makeAdmin(setting, app, "identity:admin", "identity:auditor");
  await makeAdmin(setting, app, "identity:support");
  for (const status of ["suspended", "pending"] as const) {
    const one = await someone(app);
    await setting.identity.users.setStatus({ userId: new Types.ObjectId(one.userId), status });
  }
  const user = await someone(app);
  ({ userId } = user);
  const call = (method: "POST" | "PATCH", url: string, payload: object) =>
    app.inject({ method, url, headers: user.bearer, payload });
  await call("PATCH", "/v1/profile", { displayName: name });
  for (const agent of [
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
  ]) {
    await app.inject({
      method: "POST",
      url: "/v1/sessions",
      headers: { "user-agent": agent },
      payload: { identifier: user.email, password },
    });
  }
  const sessions = await setting.identity.sessions.list({ userId: new Types.ObjectId(userId) });
  const [risky] = sessions;
  const risk = { score: 80, level: "high", reasons: ["new_country", "impossible_travel"] } as const;
  if (risky) {
    await setting.identity.sessions.raiseRisk({
      userId: new Types.ObjectId(userId),
      sessionId: risky.id,
      risk: { ...risk, reasons: [...risk.reasons] },
    });
  }
  const { apiKeys, oauth } = setting.identity;
  const owner = new Types.ObjectId(userId);
  await apiKeys.create({ userId: owner, name: "Nightly report", scopes: ["usage:read"] });
  await oauth.rotateSigningKey({ algorithm: "RS256" });
  await oauth.rotateSigningKey({ algorithm: "RS256" });
  const client = await makeClient(setting);
  ({ clientId } = client);
  await oauth.grantConsent({ userId: owner, appId: client.app._id, scopes: ["notes"] });
  const users = [userId, admin.userId, "nobody@example.com"];
  const job = (await admin.post("/jobs", { act: "lock", reason: "Ticket 4711", users })).json().job;
  jobId = job.id;
  await other.post("/approvals", {
    action: "user.erase",
    userId,
    reason: "They have asked for it, ticket 4711",
  });
});

async function signIn(tab: Tab): Promise<void> {
  await tab.goto("/account/sign-in");
  await tab.fill("[name=identifier]", admin.email);
  await tab.fill("[name=password]", password);
  await tab.click("main button[type=submit]");
  await tab.fill("[name=code]", admin.nextCode());
  await tab.click("main form:has([name=code]) button[type=submit]");
  await tab.waitForURL("**/account");
}

describe.each(forms)("the admin area, $name", (form) => {
  let context: BrowserContext;
  let tab: Tab;
  const faults: string[] = [];
  const look = async (what: string) => void faults.push(...(await faultsOf(tab, `admin-${what}`, form)));

  beforeAll(async () => {
    await site.app.inject({
      method: "PATCH",
      url: "/v1/profile",
      headers: admin.bearer,
      payload: { language: form.language },
    });
    context = await site.context({ locale: form.language });
    tab = await context.newPage();
    await signIn(tab);
  });

  test("has no faults that a design excuses, and works by keyboard", async () => {
    for (const page of [
      "users",
      "jobs",
      `jobs/${jobId}`,
      "reports",
      "events",
      "audit",
      "database",
      "apps",
      `apps/${clientId}`,
      "signing-keys",
      "approvals",
      "administrators",
    ]) {
      await tab.goto(`/admin/${page}`);
      await look(page.replace(/s\/.*/, ""));
    }
    await tab.goto(`/admin/audit?subject=${userId}`);
    await tab.click("form[data-progress] button");
    await tab.getByText("The audit trail is intact.").waitFor();
    await look("audit-verified");
    await tab.fill("[name=checkpoint]", "none");
    await tab.click("form[data-progress] button");
    await tab.getByText("This is no checkpoint.").first().waitFor();
    await look("audit-refused");
    await tab.goto("/admin/events");
    await tab.getByText("Live: new events").waitFor();
    const event = {
      userId: new Types.ObjectId(userId),
      kind: "passkey_cloned",
      severity: "critical",
    } as const;
    const { _id } = await setting.identity.securityEvents.record(event);
    await tab.locator(`#event-${_id.toHexString()}`).waitFor();
    await look("events-live");
    await tab.goto("/admin/apps");
    await tab.fill("[name=name]", "Reports");
    await tab.click("main form.stack button[type=submit]");
    await look("apps-refused");
    await tab.fill("[name=redirect_uris]", "https://reports.example.com/callback");
    await tab.fill("[name=reason]", "Ticket 4711");
    await tab.click("main form.stack button[type=submit]");
    await look("app-secret");
    await tab.goto("/admin/jobs");
    for (const summary of await tab.locator("main details summary").all()) await summary.click();
    await tab.click("form[action$=list] button[type=submit]");
    await look("jobs-refused");
    const { collection } = setting.identity.models.BulkJob;
    const running = { state: "running", dueAt: new Date(setting.clock.now().getTime() + 3_600_000) };
    await collection.updateOne({ _id: new Types.ObjectId(jobId) }, { $set: running });
    await tab.goto(`/admin/jobs/${jobId}`);
    await look("job-running");
    await tab.focus("form[action$=pause] button");
    await tab.keyboard.press("Enter");
    await tab.getByText("The job is paused.").waitFor();
    await look("job-paused");
    await collection.updateOne({ _id: new Types.ObjectId(jobId) }, { $set: { state: "prepared" } });
    await tab.goto("/admin/users");
    await tab.fill("[name=text]", "someone");
    await tab.keyboard.press("Enter");
    await tab.waitForURL("**/search");
    await look("search");
    await tab.goto("/admin/signing-keys");
    for (const summary of await tab.locator("main details summary").all()) await summary.click();
    await tab.click("form[action$=withdraw] button[type=submit]");
    await look("signing-keys-refused");
    await tab.goto("/admin/administrators");
    await tab.click("main details summary");
    await look("administrators-open");
    await tab.goto(`/admin/users/${userId}`);
    await look("user");
    await tab.focus("main details summary");
    await tab.keyboard.press("Enter");
    await tab.click("main details[open] button[type=submit]");
    await look("user-refused");
    expect(faults.splice(0)).toEqual([]);
  });
});
