import { auditRefOf } from "@org/db-models";
import { duration } from "@org/db-models/core";
import { Types } from "mongoose";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { type Person, password, useApi } from "./support/api.js";

const api = useApi();
let person: Person;
beforeEach(async () => {
  person = await api.register();
});

/** The audit events about a person, in their order, as `action outcome detail`. */
async function trailOf({ id }: Person): Promise<string[]> {
  const user = await api.models.User.findById(id).select("+auditKey").lean();
  const events = await api.models.AuditEvent.find({ subjectRef: auditRefOf(user!.auditKey) })
    .sort({ sequence: 1 })
    .lean();
  return events.map(({ action, outcome, details }) =>
    [action, outcome, ...details.map(({ value }) => value)].join(" "),
  );
}

const signIn = (payload: object, app = api.app) =>
  app.inject({ method: "POST", url: "/v1/sessions", payload });

test("what a person does is in the audit trail, which verifies and names nobody", async () => {
  const { bearer } = await api.signIn(person);
  const send = (method: "PATCH" | "DELETE", url: string, payload?: object) =>
    api.app.inject({ method, url, headers: bearer, ...(payload && { payload }) });
  await send("PATCH", "/v1/profile", { displayName: "Ada", bio: null });
  await send("PATCH", "/v1/profile", {});
  await send("PATCH", "/v1/security", { limitPolicy: "deny" });
  await send("DELETE", `/v1/sessions/${(await api.signIn(person)).id}`);
  await send("DELETE", "/v1/sessions");
  await send("DELETE", "/v1/session");
  expect(await trailOf(person)).toEqual([
    "account.registered success",
    expect.stringMatching(/^session\.opened success allow /),
    "profile.changed success bio displayName",
    "security.changed success limitPolicy",
    expect.stringMatching(/^session\.opened success allow /),
    "session.ended success",
    "sessions.ended success others",
    "session.ended success",
  ]);
  expect(await api.identity.audit.verify()).toMatchObject({ intact: true });
  const stored = JSON.stringify(await api.models.AuditEvent.find().lean());
  for (const told of [person.id, person.email, "127.0.0", "Ada"]) expect(stored).not.toContain(told);
});

test("sign-ins that fail are there with their reason, those of nobody too", async () => {
  await signIn({ identifier: person.email, password: "wrong" });
  await signIn({ identifier: "nobody@example.com", password });
  await api.models.User.updateOne({ _id: person.id }, { $set: { "security.ipAllowlist": ["192.0.2.0/24"] } });
  await signIn({ identifier: person.email, password });
  await api.models.User.updateOne({ _id: person.id }, { $set: { status: "suspended" } });
  await signIn({ identifier: person.email, password });
  expect((await trailOf(person)).slice(1)).toEqual([
    "session.opened failure bad_credentials",
    "session.opened denied ADDRESS_NOT_ALLOWED",
    "session.opened failure not_active",
  ]);
  const ofNobody = await api.models.AuditEvent.find({ outcome: "failure", subjectRef: null }).lean();
  expect(ofNobody).toMatchObject([{ network: "127.0.0.0/24" }]);
});

describe("when the trail can't be written", () => {
  test("nobody gets in: the session that was opened ends, and its token is not told", async () => {
    const auditTrail = () => Promise.reject(new Error("disk full"));
    const app = await api.build({}, { auditTrail });
    const answer = await signIn({ identifier: person.email, password, delivery: "token" }, app);
    expect([answer.statusCode, answer.json().code]).toEqual([503, "AUDIT_NOT_WRITTEN"]);
    expect(answer.body).not.toContain("ids_");
    const sessions = await api.models.UserSession.find({ userId: new Types.ObjectId(person.id) }).lean();
    expect(sessions).toMatchObject([{ revokedAt: expect.any(Date) }]);
  });

  test("a client is told so, by its code", async () => {
    const { collection } = api.models.AuditEvent;
    const away = vi.spyOn(collection, "insertMany").mockRejectedValue(new Error("connection lost"));
    const answer = await signIn({ identifier: person.email, password: "wrong" }, await api.build()).finally(
      () => away.mockRestore(),
    );
    expect(answer.statusCode).toBe(503);
    expect(answer.json().code).toBe("AUDIT_NOT_WRITTEN");
  });
});

describe("the export", () => {
  test("is everything about the account in lines, without secrets", async () => {
    const { bearer, token } = await api.signIn(person);
    const answer = await api.app.inject({ url: "/v1/account/export", headers: bearer });
    expect(answer.statusCode).toBe(200);
    expect(answer.headers["content-type"]).toBe("application/x-ndjson");
    expect(answer.headers["cache-control"]).toContain("no-store");
    const records = answer.body
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(records[0]).toMatchObject({ type: "export", userId: person.id });
    expect(records.at(-1)).toEqual({ type: "end", documents: records.length - 2 });
    expect(answer.body).toContain(person.email);
    expect(answer.body).toContain('"action":"account.exported"');
    expect(answer.body).not.toContain(token);
    expect(answer.body).not.toMatch(/argon2|Hash"|auditKey/);
  });

  test("needs a session", async () => {
    expect((await api.app.inject("/v1/account/export")).statusCode).toBe(401);
  });
});

describe("erasing the account", () => {
  const erase = (headers: Record<string, string>, payload: unknown) =>
    api.app.inject({ method: "DELETE", url: "/v1/account", headers, payload: payload as object });

  test("needs the password once more, and then leaves nothing to come back to", async () => {
    const [{ bearer }, other] = [await api.signIn(person), await api.signIn(person)];
    // Accounts without a password are erased by recent proofs alone.
    for (const payload of [{ password: "wrong" }, {}]) {
      const refused = await erase(bearer, payload);
      expect(refused.json()).toMatchObject({ status: 401, code: "BAD_CREDENTIALS" });
    }
    const answer = await erase(bearer, { password });
    expect(answer.statusCode).toBe(200);
    expect(answer.json()).toMatchObject({
      removed: { users: 1, user_sessions: 2 },
      remaining: { users: 0, user_sessions: 0 },
      anonymisedAuditEvents: 6,
    });
    for (const headers of [bearer, other.bearer]) {
      expect((await api.app.inject({ url: "/v1/session", headers })).statusCode).toBe(401);
    }
    expect((await signIn({ identifier: person.email, password })).statusCode).toBe(401);
    expect(await api.identity.audit.verify()).toMatchObject({ intact: true });
  });

  test.each([
    ["no body", undefined],
    ["a query for a password", { password: { $ne: "" } }],
    ["a password too long", { password: "x".repeat(257) }],
    ["somebody else's id", { password, userId: "652f1f77bcf86cd799439011" }],
  ])("refuses %s", async (_name, payload) => {
    const { bearer } = await api.signIn(person);
    expect((await erase(bearer, payload)).statusCode).toBe(400);
    expect(await api.models.User.countDocuments({ _id: person.id })).toBe(1);
  });

  test("goes on by itself when an instance died in the middle of it", async () => {
    const userId = new Types.ObjectId(person.id);
    await api.signIn(person);
    const { collection } = api.models.ApiKey;
    vi.spyOn(collection, "deleteMany").mockRejectedValueOnce(new Error("killed"));
    await expect(api.identity.privacy.erase({ userId })).rejects.toThrow("killed");
    expect(await api.models.User.countDocuments({ _id: userId })).toBe(1);
    api.clock.advance(10 * duration.minute);
    await api.build({ sweepMs: 10 });
    const finished = () => api.models.Erasure.countDocuments({ userId, finishedAt: { $exists: true } });
    await vi.waitUntil(async () => (await finished()) === 1, { timeout: 20_000 });
    expect(await api.models.User.countDocuments({ _id: userId })).toBe(0);
  });

  test("is nothing that a page of another site can do, nor one without a session", async () => {
    const { token } = await api.signIn(person);
    const cookie = { cookie: `__Host-session=${token}`, "sec-fetch-site": "cross-site" };
    expect((await erase(cookie, { password })).json().code).toBe("CROSS_ORIGIN");
    expect((await erase({}, { password })).statusCode).toBe(401);
  });
});
