import { generateKeyPairSync } from "node:crypto";
import { beforeAll, expect, test } from "vitest";
import { formToken, textOf } from "../pages/visitor.js";
import { password, useIdentity } from "../support.js";
import { auditOf, browserOf, makeAdmin, makeUser } from "./world.js";

const setting = useIdentity();
const reason = "Ticket 4711";
const { privateKey: signingKey, publicKey } = generateKeyPairSync("ed25519");
const auditKeys = [publicKey];

beforeAll(async () => {
  const user = await setting.identity.users.register({ email: "root@example.com", password });
  await setting.identity.administrators.setRoles({ userId: user._id, roles: ["identity:admin"] });
});

async function world(...roles: Parameters<typeof makeAdmin>[2][]) {
  const app = await setting.app({ admin: { auditKeys } });
  const admin = await makeAdmin(setting, app, ...roles);
  return { app, admin, user: await makeUser(app) };
}

const linesOf = (body: string) =>
  body
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));

test("events are found by subject, actor, action and time, by pages, and the reading is recorded", async () => {
  const { admin, user } = await world("identity:auditor", "identity:support");
  setting.clock.advance(60_000);
  const since = setting.clock.now().toISOString();
  await admin.post(`/users/${user.userId}/lock`, { reason });
  await admin.post(`/users/${user.userId}/unlock`, { reason });
  const list = async (query: string) => (await admin.get(`/audit?${query}`)).json();
  const about = await list(`subjectId=${user.userId}&since=${since}&limit=1`);
  expect(about.events).toMatchObject([
    {
      action: "admin.user_unlocked",
      outcome: "success",
      actorId: admin.userId,
      actorEmail: admin.email,
      subjectId: user.userId,
      subjectEmail: user.email,
      details: [{ key: "reason", value: reason }],
    },
  ]);
  const older = await list(`subjectId=${user.userId}&since=${since}&limit=1&before=${about.next}`);
  expect(older.events).toMatchObject([{ action: "admin.user_locked" }]);
  const names = (page: { events: { action: string }[] }) => page.events.map(({ action }) => action);
  expect(names(await list(`actorId=${admin.userId}&since=${since}`))).toContain("admin.user_locked");
  expect((await list(`action=admin.user_locked&since=${since}`)).events).toHaveLength(1);
  expect((await list(`since=${since}&limit=200`)).events.length).toBeGreaterThan(2);
  expect((await list(`action=x&actorId=${admin.userId}`)).code).toBe("INVALID_INPUT");
  expect(await auditOf(setting, user.id)).toContain("admin.audit_read");
});

test("a verification says how far it is, and what it found; the trail has its answer", async () => {
  const { admin } = await world("identity:auditor");
  const { identity } = setting;
  const kept = JSON.parse(JSON.stringify(await identity.audit.checkpoint({ signingKey })));
  const verify = async (body: object) => linesOf((await admin.post("/audit/verification", body)).body);
  const steps = await verify({ checkpoint: kept });
  expect(steps[0]).toMatchObject({ type: "progress", done: expect.any(Number) });
  expect(steps.at(-1)).toMatchObject({ type: "result", intact: true, breaks: [] });
  const { collection } = identity.models.AuditEvent;
  const one = await collection.findOneAndDelete({ chainId: kept.chains[0].chainId, sequence: 1 });
  const broken = (await verify({})).at(-1);
  expect(broken).toMatchObject({ intact: false, breaks: [{ sequence: 1, problem: "missing" }] });
  const browser = await browserOf(await setting.app({ admin: { auditKeys } }), admin);
  const token = formToken((await browser.get("/admin/audit")).body);
  const page = await browser.post("/admin/audit/verify", { form_token: token, checkpoint: "" });
  expect(textOf(page.body)).toContain("The audit trail is not what was written.");
  if (one) await collection.insertOne(one);
  const events = await identity.audit.list({ action: "admin.audit_verified" });
  expect(events[0]?.details).toContainEqual({ key: "intact", value: "false" });
  expect((await admin.post("/audit/verification", { checkpoint: { number: 1 } })).statusCode).toBe(400);
});

test("checkpoints are listed, and each can be kept elsewhere", async () => {
  const { app, admin } = await world("identity:auditor");
  const made = await setting.identity.audit.checkpoint({ signingKey });
  const list = (await admin.get("/audit/checkpoints?limit=1")).json();
  expect(list).toMatchObject({
    checkpoints: [{ number: made.number, keyId: made.keyId }],
    next: made.number,
  });
  const one = await admin.get(`/audit/checkpoints/${made.number}`);
  expect(one.json()).toEqual(JSON.parse(JSON.stringify(made)));
  expect((await admin.get("/audit/checkpoints/99999")).json().code).toBe("CHECKPOINT_NOT_FOUND");
  const browser = await browserOf(app, admin);
  expect((await browser.get("/admin/audit")).body).toContain(`/admin/audit/checkpoints/${made.number}`);
  const file = await browser.get(`/admin/audit/checkpoints/${made.number}`);
  expect(file.json()).toEqual(one.json());
  expect((await browser.get("/admin/audit/checkpoints/x")).statusCode).toBe(404);
});

test("an export takes another administrator's approval, once, and is recorded", async () => {
  const { app, admin } = await world("identity:auditor");
  const other = await makeAdmin(setting, app, "identity:admin");
  const exported = (approvalId?: string) => admin.post("/audit/export", { reason, approvalId });
  expect((await exported()).json().code).toBe("APPROVAL_REQUIRED");
  const asked = await admin.post("/approvals", { action: "audit.export", reason });
  expect(asked.statusCode).toBe(201);
  const { id } = asked.json();
  expect((await exported(id)).json().code).toBe("APPROVAL_REQUIRED");
  expect((await admin.post(`/approvals/${id}/decision`, { approve: true })).statusCode).toBe(403);
  expect((await other.post(`/approvals/${id}/decision`, { approve: true })).statusCode).toBe(204);
  const done = await exported(id);
  const lines = linesOf(done.body);
  expect(lines[0]).toMatchObject({ type: "header", format: 1 });
  expect(lines.at(-1)).toEqual({ type: "end", events: lines.length - 2, damaged: 0 });
  expect(done.headers["content-disposition"]).toContain("audit.ndjson");
  expect((await exported(id)).json().code).toBe("APPROVAL_REQUIRED");
  const events = await setting.identity.audit.list({ action: "admin.audit_exported" });
  expect(events).toMatchObject([{ outcome: "success", actorId: admin.id }]);
});

test("by pages: one asks, another approves, and the first one gets the file of some days", async () => {
  const { app, admin } = await world("identity:auditor");
  const browser = await browserOf(app, admin);
  const other = await browserOf(app, await makeAdmin(setting, app, "identity:admin"));
  const day = setting.clock.now().toISOString().slice(0, 10);
  const at = `/admin/audit?since=${day}`;
  const token = formToken((await browser.get(at)).body);
  await browser.post("/admin/audit/request-export", { form_token: token, reason });
  const theirs = await other.get("/admin/approvals");
  expect(textOf(theirs.body)).toContain("Export the audit trail");
  const [, id = ""] = /name="id" value="([0-9a-f]{24})"/.exec(theirs.body) ?? [];
  await other.post("/admin/approvals/approve", { form_token: formToken(theirs.body), id });
  const page = (await browser.get(at)).body;
  const [, approval = ""] = /name="approval" value="([0-9a-f]{24})"/.exec(page) ?? [];
  expect(page).toContain(`name="since" value="${day}"`);
  const file = await browser.post("/admin/audit/export", {
    form_token: token,
    reason,
    approval,
    since: day,
    until: "",
  });
  expect(linesOf(file.body)[0]).toMatchObject({ type: "header", since: `${day}T00:00:00.000Z` });
  expect((await browser.get("/admin/audit?since=yesterday")).statusCode).toBe(400);
});

test("nobody reads the trail without a role for it", async () => {
  const { admin } = await world("identity:support");
  for (const path of ["/audit", "/audit/checkpoints", "/audit/checkpoints/0"])
    expect((await admin.get(path)).json().code).toBe("INSUFFICIENT_ROLE");
  for (const path of ["/audit/verification", "/audit/export"])
    expect((await admin.post(path, { ...(path.endsWith("export") && { reason }) })).json().code).toBe(
      "INSUFFICIENT_ROLE",
    );
});
