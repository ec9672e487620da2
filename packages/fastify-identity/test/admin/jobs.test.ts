import { type AuditInput, appRegistrationSchema, type BulkAct, IdentityError } from "@org/db-models";
import { type FastifyInstance, fastify } from "fastify";
import { Types } from "mongoose";
import { beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { z } from "zod";
import { jobBody } from "../../src/admin/routes/job-schemas.js";
import { identityPlugin } from "../../src/index.js";
import { type Setting, useIdentity } from "../support.js";
import { type Admin, auditOf, makeAdmin, makeUser } from "./world.js";

const setting = useIdentity();
const reason = "Ticket 4711";

/** Administrators, whose sessions outlive the apps of single tests. */
let known: Record<"support" | "helper" | "boss" | "chief", Admin>;

beforeAll(async () => {
  const app = fastify();
  await app.register(identityPlugin, setting.options({ admin: true }));
  known = {
    boss: await makeAdmin(setting, app, "identity:admin"),
    chief: await makeAdmin(setting, app, "identity:admin"),
    support: await makeAdmin(setting, app, "identity:support"),
    helper: await makeAdmin(setting, app, "identity:support"),
  };
  await app.close();
});

let made = 0;

/** Users without a password, for that takes long to make. */
async function people(count: number, fields: object = {}): Promise<Types.ObjectId[]> {
  const { User } = setting.identity.models;
  const users = Array.from({ length: count }, () => {
    made += 1;
    const createdAt = setting.clock.now();
    const email = `many${made}@example.com`;
    return new User({
      email,
      auditKey: `${made}`.padStart(43, "k"),
      createdAt,
      updatedAt: createdAt,
      ...fields,
    });
  });
  await User.insertMany(users);
  return users.map(({ _id }) => _id);
}

/** An app, with the administrators as they call it. */
async function start(changed: Parameters<Setting["app"]>[0] = {}) {
  const app = await setting.app({ admin: true, ...changed });
  const on = (admin: Admin): Admin => ({ ...admin, ...callsOf(app, admin) });
  const { boss, chief, support, helper } = known;
  return { app, on, boss: on(boss), chief: on(chief), support: on(support), helper: on(helper) };
}

const code = (answer: { json(): { code: string } }) => answer.json().code;
const hex = (ids: readonly Types.ObjectId[]) => ids.map((id) => id.toHexString());

async function prepared(admin: Admin, act: BulkAct, users: readonly Types.ObjectId[]) {
  const answer = await admin.post("/jobs", { act, reason, users: hex(users) });
  expect(answer.statusCode).toBe(201);
  return answer.json().job as { id: string; counts: Record<string, number> };
}

/** Waits until a job has come to an end; the job itself takes no time of the clock's. */
async function ended(admin: Admin, id: string) {
  for (;;) {
    const job = (await admin.get(`/jobs/${id}`)).json();
    if (job.state !== "running") return job;
  }
}

async function run(admin: Admin, act: BulkAct, users: readonly Types.ObjectId[]) {
  const { id, counts } = await prepared(admin, act, users);
  expect((await admin.post(`/jobs/${id}/start`, { count: counts.pending })).statusCode).toBe(204);
  return ended(admin, id);
}

const statusOf = async (id: Types.ObjectId) => (await setting.identity.users.read(id)).status;
const resultsOf = async (admin: Admin, id: string, query = "") =>
  (await admin.get(`/jobs/${id}/users${query}`))
    .json()
    .users.map((user: Record<string, unknown>) => [user.state, user.code]);

describe("a bulk job", () => {
  test("shows whom it is for before anything is done, and goes on once their number is typed", async () => {
    const { support: admin } = await start();
    const [one, two] = await people(2);
    const addressOfTwo = (await setting.identity.users.read(two as Types.ObjectId)).email;
    const answer = await admin.post("/jobs", {
      act: "lock",
      reason,
      users: [String(one), addressOfTwo.toUpperCase(), "nobody@example.com", admin.email, String(one)],
    });
    const { job, sample } = answer.json();
    expect(job).toMatchObject({
      state: "prepared",
      total: 3,
      counts: { pending: 2, excluded: 1 },
      unknown: 1,
      unknownAt: [3],
      createdByEmail: admin.email,
    });
    expect(sample.map((user: { state: string; code?: string }) => [user.state, user.code])).toEqual([
      ["pending", undefined],
      ["pending", undefined],
      ["excluded", "own_account"],
    ]);
    expect(await statusOf(one as Types.ObjectId)).toBe("active");
    expect(code(await admin.post(`/jobs/${job.id}/start`, { count: 3 }))).toBe("INVALID_INPUT");
    await admin.post(`/jobs/${job.id}/start`, { count: 2 });
    const done = await ended(admin, job.id);
    expect(done).toMatchObject({ state: "done", counts: { pending: 0, done: 2, excluded: 1 } });
    expect(await statusOf(two as Types.ObjectId)).toBe("suspended");
    expect(await statusOf(admin.id)).toBe("active");
    expect(code(await admin.post(`/jobs/${job.id}/start`, { count: 0 }))).toBe("JOB_STATE");
    expect(await auditOf(setting, two as Types.ObjectId)).toContain("admin.user_locked");
    const [event] = await setting.identity.audit.list({ action: "admin.user_locked" });
    expect(event).toMatchObject({
      actorId: admin.id,
      details: expect.arrayContaining([{ key: "job", value: job.id }]),
    });
    const [over] = await setting.identity.audit.list({ action: "admin.bulk_job_ended" });
    expect(over?.details).toContainEqual({ key: "done", value: "2" });
  });

  test("takes the users of a filter: a status, a role, dates; its set stays what it was", async () => {
    const { boss: admin } = await start();
    setting.clock.advance(60_000);
    const since = setting.clock.now().toISOString();
    const [first, second] = await people(2, { status: "suspended" });
    await people(1);
    const body = { act: "unlock", reason, filter: { status: "suspended", since } };
    const { job } = (await admin.post("/jobs", body)).json();
    expect(job).toMatchObject({ total: 2, filter: { by: "created", status: "suspended", since } });
    const [late] = await people(1, { status: "suspended" });
    await admin.post(`/jobs/${job.id}/start`, { count: 2 });
    await ended(admin, job.id);
    const statuses = await Promise.all([first, second, late].map((id) => statusOf(id as Types.ObjectId)));
    expect(statuses).toEqual(["active", "active", "suspended"]);
    await people(3, { roles: ["editor"], lastActiveAt: setting.clock.now() });
    const of = async (filter: object) =>
      (await admin.post("/jobs", { act: "end_sessions", reason, filter })).json().job.total;
    expect(await of({ role: "editor" })).toBe(3);
    expect(await of({ by: "active", since })).toBe(3);
    expect(await of({ status: "active", by: "active", until: since })).toBeGreaterThanOrEqual(0);
    expect(
      code(await admin.post("/jobs", { act: "lock", reason, filter: { role: "x", status: "active" } })),
    ).toBe("INVALID_INPUT");
    expect(code(await admin.post("/jobs", { act: "lock", reason }))).toBe("INVALID_INPUT");
  });

  test("of more users than it may have is refused, and says how many it may have", async () => {
    const { support: admin } = await start();
    const users = Array.from({ length: 10_001 }, () => new Types.ObjectId().toHexString());
    const refused = await admin.post("/jobs", { act: "lock", reason, users });
    expect(refused.json()).toMatchObject({ code: "JOB_TOO_LARGE", limit: 10_000 });
  });

  test("does to each user what the page of one user does, and skips who does not need it", async () => {
    const { app, support: admin } = await start();
    const user = await makeUser(app);
    const [locked] = await people(1, { status: "suspended" });
    const both = [user.id, locked as Types.ObjectId];
    expect(await run(admin, "verify", both)).toMatchObject({ counts: { done: 1, skipped: 1 } });
    const verified = await run(admin, "verify", [user.id]);
    expect(await resultsOf(admin, verified.id)).toEqual([["skipped", "not_needed"]]);
    expect(await run(admin, "end_sessions", [user.id])).toMatchObject({ counts: { done: 1 } });
    expect(await setting.identity.sessions.list({ userId: user.id })).toEqual([]);
    const resets = await run(admin, "password_reset", both);
    expect(await resultsOf(admin, resets.id)).toEqual([
      ["done", undefined],
      ["skipped", "not_needed"],
    ]);
    expect(setting.notices.at(-1)).toMatchObject({ kind: "password_reset", to: user.email });
    const factors = await run(admin, "reset_factors", [user.id]);
    expect(await resultsOf(admin, factors.id)).toEqual([["skipped", "not_needed"]]);
    expect(await auditOf(setting, user.id)).toContain("admin.bulk_user_skipped");
  });

  test("notes what failed and why, and can be asked for failures only", async () => {
    const send = async () => Promise.reject(new Error("the mail server is away"));
    const { app, support: admin } = await start({ notifier: { send } });
    const users = [await makeUser(app), await makeUser(app)].map(({ id }) => id);
    const [nobody] = await people(1);
    const job = await run(admin, "password_reset", [...users, nobody as Types.ObjectId]);
    expect(job).toMatchObject({ counts: { failed: 2, skipped: 1 } });
    expect(await resultsOf(admin, job.id, "?state=failed")).toEqual([
      ["failed", "NOTICE_NOT_SENT"],
      ["failed", "NOTICE_NOT_SENT"],
    ]);
    expect(await resultsOf(admin, job.id, "?state=skipped")).toEqual([["skipped", "NO_PASSWORD"]]);
    const page = (await admin.get(`/jobs/${job.id}/users?limit=2`)).json();
    expect(page).toMatchObject({ next: 2, users: [{ position: 0 }, { position: 1 }] });
    const rest = (await admin.get(`/jobs/${job.id}/users?limit=2&from=2`)).json();
    expect(rest).toMatchObject({ next: null, users: [{ position: 2 }] });
    const file = await admin.get(`/jobs/${job.id}/results`);
    const lines = file.body
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines.map(({ type }) => type)).toEqual(["job", "user", "user", "user", "end"]);
    expect(lines.at(-1)).toEqual({ type: "end", users: 3 });
    expect(lines[1]).toMatchObject({
      state: "failed",
      code: "NOTICE_NOT_SENT",
      userId: users[0]?.toHexString(),
    });
  });

  test("leaves out administrators who may do as much, at the start and when they became one later", async () => {
    const { app, boss: admin, chief: equal, support } = await start();
    const lower = await makeUser(app);
    await setting.identity.administrators.setRoles({ userId: lower.id, roles: ["identity:auditor"] });
    const [user] = await people(1);
    const users = [equal.id, lower.id, user as Types.ObjectId];
    const { id, counts } = await prepared(admin, "lock", users);
    expect(counts).toMatchObject({ pending: 2, excluded: 1 });
    await setting.identity.administrators.setRoles({
      userId: user as Types.ObjectId,
      roles: ["identity:admin"],
    });
    await admin.post(`/jobs/${id}/start`, { count: 2 });
    await ended(admin, id);
    expect(await resultsOf(admin, id)).toEqual([
      ["excluded", "administrator"],
      ["done", undefined],
      ["skipped", "administrator"],
    ]);
    // For support every administrator is one who may do as much.
    const { counts: theirs } = await prepared(support, "lock", [lower.id, equal.id]);
    expect(theirs).toMatchObject({ pending: 1, excluded: 1 });
  });

  test("stops when who started it is dismissed or locked", async () => {
    const { app, boss: other } = await start();
    for (const act of ["dismissed", "locked"] as const) {
      const admin = await makeAdmin(setting, app, "identity:support");
      const users = await people(3);
      const { id } = await prepared(admin, "lock", users);
      await setting.identity.bulkJobs.start({ id: new Types.ObjectId(id), createdBy: admin.id });
      if (act === "locked") await other.post(`/users/${admin.userId}/lock`, { reason });
      else await setting.identity.administrators.setRoles({ userId: admin.id, roles: [] });
      // Who starts or resumes one takes up all that are due.
      await run(other, "lock", await people(1));
      const stopped = await ended(other, id);
      expect(stopped).toMatchObject({
        state: "stopped",
        stopCode: "INSUFFICIENT_ROLE",
        counts: { pending: 3 },
      });
      expect(await statusOf(users[0] as Types.ObjectId)).toBe("active");
    }
  });

  test("is paused, resumed and cancelled between two users", async () => {
    const { support: admin, helper: other } = await start();
    const { id } = await prepared(admin, "lock", await people(2));
    const change = (who: Admin, to: string) => who.post(`/jobs/${id}/change`, { change: to });
    expect(code(await change(admin, "pause"))).toBe("JOB_STATE");
    await setting.identity.bulkJobs.start({ id: new Types.ObjectId(id), createdBy: admin.id });
    expect((await change(other, "pause")).statusCode).toBe(204);
    expect(code(await change(other, "resume"))).toBe("JOB_STATE");
    expect(code(await other.post(`/jobs/${id}/start`, { count: 2 }))).toBe("JOB_STATE");
    expect((await change(admin, "resume")).statusCode).toBe(204);
    expect(await ended(admin, id)).toMatchObject({ state: "done", counts: { done: 2 } });
    expect(code(await change(admin, "cancel"))).toBe("JOB_STATE");
    const cancelled = await prepared(admin, "lock", await people(1));
    await admin.post(`/jobs/${cancelled.id}/change`, { change: "cancel" });
    expect(code(await admin.post(`/jobs/${cancelled.id}/start`, { count: 1 }))).toBe("JOB_STATE");
    const list = (await admin.get("/jobs?limit=1")).json();
    expect(list).toMatchObject({ jobs: [{ id: cancelled.id, state: "cancelled" }] });
    expect((await admin.get(`/jobs?limit=1&before=${list.next}`)).json()).toMatchObject({ jobs: [{ id }] });
  });

  test("to erase takes a second administrator, and leaves nothing of who was erased", async () => {
    const { boss: admin, chief: other, support } = await start();
    const users = await people(2);
    const { id } = await prepared(admin, "erase", users);
    const begin = (approvalId?: string) => admin.post(`/jobs/${id}/start`, { count: 2, approvalId });
    expect(code(await begin())).toBe("APPROVAL_REQUIRED");
    expect(code(await other.post("/approvals", { action: "users.erase", jobId: id }))).toBe("JOB_STATE");
    const asked = await admin.post("/approvals", { action: "users.erase", jobId: id });
    expect(asked.json()).toMatchObject({ action: "users.erase", jobId: id, status: "pending" });
    expect(code(await begin(asked.json().id))).toBe("APPROVAL_REQUIRED");
    await other.post(`/approvals/${asked.json().id}/decision`, { approve: true });
    expect((await begin(asked.json().id)).statusCode).toBe(204);
    expect(await ended(admin, id)).toMatchObject({ state: "done", counts: { done: 2, pending: 0 } });
    const { User, BulkJobItem } = setting.identity.models;
    expect(await User.countDocuments({ _id: { $in: users } })).toBe(0);
    expect(await BulkJobItem.countDocuments({ userId: { $in: users } })).toBe(0);
    const refused = await support.post("/jobs", { act: "erase", reason, users: hex(users) });
    expect(code(refused)).toBe("INSUFFICIENT_ROLE");
  });

  test("is not started a day later, and not found by who has no role", async () => {
    const { app } = await start();
    const admin = await makeAdmin(setting, app, "identity:auditor");
    const { id } = await setting.identity.bulkJobs.prepare({
      act: "lock",
      reason,
      createdBy: admin.id,
      users: await people(1),
      excluded: [],
    });
    expect((await admin.get(`/jobs/${id}`)).statusCode).toBe(200);
    expect(code(await admin.post(`/jobs/${id}/start`, { count: 1 }))).toBe("INSUFFICIENT_ROLE");
    expect(code(await admin.get(`/jobs/${new Types.ObjectId()}`))).toBe("JOB_NOT_FOUND");
    const user = await makeUser(app);
    const answer = await app.inject({ url: "/v1/admin/jobs", headers: user.bearer });
    expect(code(answer)).toBe("INSUFFICIENT_ROLE");
  });

  test("waits for an outage to end, and then goes on with the very user at which it stopped", async () => {
    let isOut = true;
    const auditTrail = async (event: AuditInput) => {
      if (isOut && event.action === "admin.user_locked") {
        throw new IdentityError("AUDIT_NOT_WRITTEN", "the audit trail can't be written");
      }
      return setting.identity.audit.append(event);
    };
    const { support: admin } = await start({ auditTrail });
    const users = await people(2);
    const { id } = await prepared(admin, "lock", users);
    await admin.post(`/jobs/${id}/start`, { count: 2 });
    const { BulkJob, BulkJobItem } = setting.identity.models;
    const jobId = new Types.ObjectId(id);
    const isLetGo = async () =>
      (await BulkJobItem.exists({ jobId, state: "running" })) !== null &&
      (await BulkJob.exists({ _id: jobId, lease: null })) !== null;
    while (!(await isLetGo()));
    isOut = false;
    setting.clock.advance(30_000);
    // Who starts or resumes one takes up all that are due.
    await run(admin, "lock", await people(1));
    expect(await ended(admin, id)).toMatchObject({ state: "done", counts: { done: 2, failed: 0 } });
    expect(await statusOf(users[0] as Types.ObjectId)).toBe("suspended");
  });

  test("stays with its instance however long its users take", async () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    onTestFinished(() => void vi.useRealTimers());
    let finish = () => {};
    const slow = new Promise<void>((resolve) => {
      finish = resolve;
    });
    let under = 0;
    const auditTrail = async (event: AuditInput) => {
      if (event.action === "admin.user_locked") {
        under += 1;
        await slow;
      }
      return setting.identity.audit.append(event);
    };
    const { support: admin } = await start({ auditTrail, auditTimeoutMs: 120_000 });
    const { id } = await prepared(admin, "lock", await people(3));
    await admin.post(`/jobs/${id}/start`, { count: 3 });
    await vi.waitUntil(() => under === 3, { timeout: 60_000 });
    const dueAt = async () => (await setting.identity.models.BulkJob.findById(id).orFail()).dueAt as Date;
    for (let tenSeconds = 0; tenSeconds < 5; tenSeconds++) {
      setting.clock.advance(10_000);
      vi.advanceTimersByTime(10_000);
      while ((await dueAt()).getTime() < setting.clock.now().getTime() + 30_000);
      expect(await setting.identity.bulkJobs.takeUp({ limit: 10 })).toEqual([]);
    }
    finish();
    expect(await ended(admin, id)).toMatchObject({ state: "done", counts: { done: 3, failed: 0 } });
  });

  test("of an instance that closes is gone on with by another at once", async () => {
    const app = fastify();
    await app.register(identityPlugin, setting.options({ admin: true }));
    const admin = { ...known.support, ...callsOf(app, known.support) };
    const users = await people(10);
    const { id } = await prepared(admin, "lock", users);
    await admin.post(`/jobs/${id}/start`, { count: 10 });
    await app.close();
    const { support: elsewhere } = await start({ sweepMs: 10 });
    expect(await ended(elsewhere, id)).toMatchObject({ state: "done", counts: { done: 10 } });
  });
});

/** The calls of an administrator to another instance. */
function callsOf(app: FastifyInstance, { bearer }: Admin) {
  const call = (method: "GET" | "POST", path: string, payload?: object) =>
    app.inject({ method, url: `/v1/admin${path}`, headers: bearer, ...(payload && { payload }) });
  return {
    get: (path: string) => call("GET", path),
    post: (path: string, payload: object = {}) => call("POST", path, payload),
  };
}

// Forms and fuzzers are made from the document: what excludes what is no secret of the server's.
test("the documents of jobs and apps say which members go together", () => {
  const json = (schema: z.ZodType) => z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });
  const job = json(jobBody);
  expect(job.oneOf).toEqual([{ required: ["filter"] }, { required: ["users"] }]);
  expect(job.properties?.filter).toMatchObject({
    anyOf: [{ not: { required: ["role"] } }, expect.anything()],
  });
  const app = json(appRegistrationSchema);
  expect(app.oneOf).toMatchObject([
    { properties: { type: { const: "public" } } },
    { properties: { type: { const: "confidential" } }, not: { required: ["publicKeys"] } },
    { properties: { type: { const: "confidential" } }, required: ["clientAuthentication", "publicKeys"] },
  ]);
});
