import { beforeAll, describe, expect, test } from "vitest";
import { formToken, textOf, Visitor } from "../pages/visitor.js";
import { password, useIdentity } from "../support.js";
import { browserOf, makeAdmin, makeUser } from "./world.js";

const setting = useIdentity();
const reason = "Ticket 4711";

beforeAll(async () => {
  const user = await setting.identity.users.register({ email: "root@example.com", password });
  await setting.identity.administrators.setRoles({ userId: user._id, roles: ["identity:admin"] });
});

async function world(...roles: Parameters<typeof makeAdmin>[2][]) {
  const app = await setting.app({ admin: true });
  const admin = await makeAdmin(setting, app, ...roles);
  return { app, admin, user: await makeUser(app), browser: await browserOf(app, admin) };
}

describe("the pages of the admin area", () => {
  test("send who is not signed in to the sign-in, and who has no role to a page that says so", async () => {
    const app = await setting.app({ admin: true });
    const stranger = await new Visitor(app).get("/admin/users");
    expect(stranger.headers.location).toBe("/account/sign-in?return_to=%2Fadmin%2Fusers");
    const user = await makeUser(app);
    const visitor = new Visitor(app);
    await visitor.send("/account/sign-in", { identifier: user.email, password });
    const refused = await visitor.get("/admin/users");
    expect(refused.statusCode).toBe(403);
    expect(textOf(refused.body)).toContain("You may not do this.");
  });

  test("show no section and no form that the reader's role does not have", async () => {
    const { browser, user } = await world("identity:auditor");
    const page = await browser.get(`/admin/users/${user.userId}`);
    expect(page.body).toContain("/admin/administrators");
    expect(page.body).not.toContain("/admin/approvals");
    expect(page.body).not.toContain(`/admin/users/${user.userId}/lock`);
    const list = await browser.get("/admin/administrators");
    expect(list.body).not.toContain("/admin/administrators/add");
    const form = { form_token: formToken(page.body), reason };
    const sent = await browser.post(`/admin/users/${user.userId}/lock`, form);
    expect(sent.statusCode).toBe(403);
    expect((await setting.identity.users.read(user.id)).status).toBe("active");
  });

  test("find a user by what was sent, and never put it into an address", async () => {
    const { browser, user } = await world("identity:support");
    const list = await browser.get("/admin/users");
    const found = await browser.post("/admin/users/search", {
      form_token: formToken(list.body),
      text: user.email,
    });
    expect(found.statusCode).toBe(200);
    expect(found.body).toContain(`/admin/users/${user.userId}`);
    expect(found.body).not.toMatch(/href="[^"]*@/);
  });

  test("lock a user for a reason, and ask for one that is missing at its field", async () => {
    const { browser, user } = await world("identity:support");
    const at = `/admin/users/${user.userId}`;
    const page = await browser.get(at);
    const token = formToken(page.body);
    const without = await browser.post(`${at}/lock`, { form_token: token, reason: "" });
    expect(without.statusCode).toBe(422);
    expect(without.body).toContain('href="#lock-reason"');
    const done = await browser.post(`${at}/lock`, { form_token: token, reason });
    expect(done.headers.location).toBe(at);
    const shown = textOf((await browser.get(at)).body);
    expect(shown).toContain("The account is locked.");
    expect(shown).toContain("Unlock the account");
  });

  test("take a form of another site for none, and one without the token for stale", async () => {
    const { browser, user } = await world("identity:support");
    const at = `/admin/users/${user.userId}`;
    const token = formToken((await browser.get(at)).body);
    const foreign = { "sec-fetch-site": "cross-site", origin: "https://evil.example" };
    expect((await browser.post(`${at}/lock`, { form_token: token, reason }, foreign)).statusCode).toBe(403);
    expect((await browser.post(`${at}/lock`, { reason })).statusCode).toBe(403);
    expect((await setting.identity.users.read(user.id)).status).toBe("active");
  });

  test("lead to the second factor and back when it was proved too long ago", async () => {
    const { browser, user } = await world("identity:support");
    const at = `/admin/users/${user.userId}`;
    const token = formToken((await browser.get(at)).body);
    setting.clock.advance(16 * 60_000);
    const sent = await browser.post(`${at}/lock`, { form_token: token, reason });
    expect(sent.headers.location).toBe(`/account/confirm?return_to=${encodeURIComponent(at)}`);
    expect((await setting.identity.users.read(user.id)).status).toBe("active");
  });

  test("erase with two administrators: one asks, another approves, the first one types the address", async () => {
    const { app, admin, browser, user } = await world("identity:admin");
    const other = await browserOf(app, await makeAdmin(setting, app, "identity:admin"));
    const at = `/admin/users/${user.userId}`;
    await browser.send(at, {});
    const token = formToken((await browser.get(at)).body);
    await browser.post(`${at}/request-erasure`, { form_token: token, reason });
    const own = await browser.get("/admin/approvals");
    expect(own.body).not.toContain('action="/admin/approvals/approve"');
    const theirs = await other.get("/admin/approvals");
    const [, id = ""] = /name="id" value="([0-9a-f]{24})"/.exec(theirs.body) ?? [];
    await other.post("/admin/approvals/approve", { form_token: formToken(theirs.body), id });
    expect((await browser.get("/admin/approvals")).body).toContain(at);
    const page = await browser.get(at);
    const [, approval = ""] = /name="approval" value="([0-9a-f]{24})"/.exec(page.body) ?? [];
    const erase = (email: string) =>
      browser.post(`${at}/erase`, { form_token: token, reason, approval, email });
    const wrong = await erase(admin.email);
    expect(wrong.statusCode).toBe(400);
    expect(textOf(wrong.body)).toContain("Nothing was erased.");
    const done = await erase(user.email);
    expect(done.headers.location).toBe("/admin/users");
    const gone = await browser.get(at);
    expect(gone.statusCode).toBe(404);
  });

  test("make an administrator by address, and refuse to take the last one's role", async () => {
    const { browser, admin, user } = await world("identity:admin");
    const token = formToken((await browser.get("/admin/administrators")).body);
    const add = { form_token: token, reason, roles: "identity:support" };
    const unknown = await browser.post("/admin/administrators/add", { ...add, email: "nobody@example.com" });
    expect(unknown.statusCode).toBe(404);
    const done = await browser.post("/admin/administrators/add", { ...add, email: user.email });
    expect(done.headers.location).toBe("/admin/administrators");
    const member = await setting.identity.administrators.read({ userId: user.id });
    expect(member?.roles).toEqual(["identity:support"]);
    const { administrators } = setting.identity;
    for (const { userId } of await administrators.list()) {
      if (!userId.equals(admin.id)) await administrators.setRoles({ userId, roles: [] });
    }
    const last = await browser.post("/admin/administrators/change", {
      form_token: token,
      reason,
      user: admin.userId,
    });
    expect(last.statusCode).toBe(409);
    expect(textOf(last.body)).toContain("This is the last account with identity:admin.");
  });

  test("answer an id that is none, and a position that is none, with a page", async () => {
    const { browser } = await world("identity:support");
    expect((await browser.get("/admin/users/x")).statusCode).toBe(404);
    expect((await browser.get("/admin/users?before=x")).statusCode).toBe(400);
    expect((await browser.get("/admin/nothing")).statusCode).toBe(404);
    const { headers } = await browser.get("/admin/users");
    expect(headers["content-security-policy"]).toContain("frame-ancestors 'none'");
    expect(headers["cache-control"]).toBe("no-store");
  });
});
