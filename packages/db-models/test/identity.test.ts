import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { describe, expect, it } from "vitest";
import { createIdentity, type Identity, isIdentityError, openIdentity } from "../src/index.js";
import { createIndexes, useIdentityDatabase } from "./database.js";

const temporary = useTemporaryDatabase({ label: "identity" });
const password = "a long walk along the fjord";

function movingClock(start = "2026-03-01T12:00:00.000Z") {
  let at = new Date(start).getTime();
  return { now: () => new Date(at), pass: (ms: number) => (at += ms) };
}

/** Somebody with a verified address. */
async function registered(identity: Identity, email: string) {
  const { _id: userId } = await identity.users.register({ email, password });
  const sent = await identity.users.requestEmailVerification({ userId });
  if (!sent.ok) throw new Error(sent.reason);
  expect(await identity.users.verifyEmail({ token: sent.token })).toMatchObject({ ok: true });
  return userId;
}

describe("an identity object", () => {
  it("carries a user through a whole life: accounts, sessions, keys, audit, and erasure", async () => {
    const clock = movingClock();
    const identity = await openIdentity(temporary.uri, { clock });
    try {
      await createIndexes(identity.models);
      const userId = await registered(identity, "ada@example.com");
      const authentication = await identity.users.authenticate({ identifier: "ada@example.com", password });
      expect(authentication).toMatchObject({ ok: true, userId });

      const { token } = await identity.sessions.open({ userId, ip: "192.0.2.7" });
      expect(await identity.sessions.validate(token)).toMatchObject({ ok: true });
      clock.pass(60_000);
      const refreshed = await identity.sessions.refresh(token);
      expect(refreshed).toMatchObject({ ok: true });
      expect(await identity.sessions.list({ userId })).toHaveLength(1);

      const { key } = await identity.apiKeys.create({ userId, name: "deploy", scopes: ["repo:read"] });
      expect(await identity.apiKeys.verify({ key, scopes: ["repo:read"] })).toMatchObject({ ok: true });

      const sent = await identity.users.requestPasswordReset({ email: "ada@example.com" });
      if (!sent.ok) throw new Error(sent.reason);
      const fresh = "another walk along the fjord";
      const reset = await identity.users.resetPassword({ token: sent.token, password: fresh });
      expect(reset).toMatchObject({ ok: true, ended: 1 });
      expect(await identity.sessions.list({ userId })).toEqual([]);

      const event = {
        action: "account.erased",
        outcome: "success",
        actorId: userId,
        subjectId: userId,
      } as const;
      await identity.audit.append(event);
      expect(await identity.audit.verify()).toMatchObject({ intact: true, events: 1 });
      await identity.privacy.erase({ userId });
      expect(await identity.models.User.countDocuments()).toBe(0);
    } finally {
      await identity.close();
    }
  });

  it("closes the connection that it opened, and before that writes what it has counted", async () => {
    const identity = await openIdentity(temporary.uri);
    const reader = await openIdentity(temporary.uri);
    try {
      const userId = await registered(identity, "grace@example.com");
      identity.usage.track({ userId, endpoint: "GET /profile" });
      identity.usage.track({ userId, endpoint: "GET /profile", failed: true });
      const appended = identity.audit.append({ action: "app.stopped", outcome: "success" });
      await identity.close();
      await appended;
      expect((await reader.users.read(userId)).apiUsage.totals).toMatchObject({ requests: 2, failures: 1 });
      expect(await reader.models.AuditEvent.countDocuments({ action: "app.stopped" })).toBe(1);
      expect(identity.models.User.db.readyState).toBe(0);
    } finally {
      await reader.close();
    }
  });
});

describe("several objects on one connection", () => {
  const database = useIdentityDatabase();

  it("share the collections, and have their own clocks and policies", async () => {
    const { connection } = database();
    const early = createIdentity({ connection, clock: movingClock("2026-01-01T00:00:00.000Z") });
    const late = createIdentity({
      connection,
      clock: movingClock("2026-01-01T00:01:00.000Z"),
      sessions: { rotationGraceMs: 0 },
    });
    expect(late.models.User.collection).toBe(early.models.User.collection);
    expect(late.models.UserSession.schema).toBe(early.models.UserSession.schema);
    const userId = await registered(early, "joan@example.com");
    const { token } = await early.sessions.open({ userId });
    expect((await early.users.read(userId)).createdAt).toEqual(new Date("2026-01-01T00:00:00.000Z"));
    await early.sessions.refresh(token);
    expect(await late.sessions.validate(token)).toEqual({ ok: false, reason: "rotated" });
    expect(await early.sessions.validate(token)).toMatchObject({ ok: true });

    early.usage.track({ userId, endpoint: "GET /a" });
    late.usage.track({ userId, endpoint: "GET /b" });
    await early.close();
    expect((await late.users.read(userId)).apiUsage.totals.requests).toBe(1);
    await late.close();
    expect((await late.users.read(userId)).apiUsage.totals.requests).toBe(2);
    expect(connection.readyState).toBe(1);
  });

  // The methods of the specification: each document calls the object that read or made it, and no other.
  it("have documents whose methods go by the clock and the memory of their own object", async () => {
    const { connection } = database();
    const [then, now] = ["2026-02-01T00:00:00.000Z", "2026-02-02T00:00:00.000Z"];
    const early = createIdentity({ connection, clock: movingClock(then) });
    const late = createIdentity({ connection, clock: movingClock(now) });
    const userId = await registered(early, "grace@example.com");
    const ofLate = await late.models.User.findById(userId).orFail();
    const ofEarly = await early.models.User.findOne({ email: "grace@example.com" }).orFail();
    const { apiKey } = await ofEarly.createApiKey({ name: "early", scopes: [] });
    const { apiKey: later } = await ofLate.createApiKey({ name: "late", scopes: [] });
    expect([apiKey.createdAt, later.createdAt]).toEqual([new Date(then), new Date(now)]);
    ofLate.trackApiUsage({ endpoint: "GET /a" });
    await early.flush();
    expect((await early.users.read(userId)).apiUsage.totals.requests).toBe(0);
    await late.flush();
    expect((await early.users.read(userId)).apiUsage.totals.requests).toBe(1);

    const { id, token } = await early.sessions.open({ userId });
    const session = await late.models.UserSession.findById(id).orFail();
    expect(session).toBeInstanceOf(late.models.UserSession);
    expect(session).not.toBeInstanceOf(early.models.UserSession);
    expect(await session.refreshSession(token)).toMatchObject({ ok: false, reason: "idle_expired" });
    ofLate.set("profile.displayName", "Grace");
    await ofLate.save();
    expect((await early.users.read(userId)).profile.displayName).toBe("Grace");
  });

  it.each([
    ["sessions.touchIntervalMs", { sessions: { touchIntervalMs: -1 } }],
    ["oauth.codeLifetimeMs", { oauth: { codeLifetimeMs: 3_600_000 } }],
    ["oneTimeTokens.messageWindowMs", { oneTimeTokens: { passwordResetLifetimeMs: 60_000 } }],
    ["logins.maxDelayMs", { logins: { firstDelayMs: 2_000, maxDelayMs: 1_000 } }],
    ["retention.sessionsMs", { retention: { sessionsMs: Number.NaN } }],
    ["retntion", { retntion: {} }],
    ["clock", { clock: {} }],
    ["onError", { onError: "log" }],
  ])("refuse what is wrong with %s", (path, options) => {
    const attempt = () => createIdentity({ connection: database().connection, ...options } as never);
    expect(attempt).toThrow(path);
    try {
      attempt();
    } catch (error) {
      expect(isIdentityError(error, "INVALID_INPUT")).toBe(true);
    }
  });
});
