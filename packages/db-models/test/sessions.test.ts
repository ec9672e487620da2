import { beforeAll, describe, expect, it } from "vitest";
import { duration } from "../src/core/limits.js";
import {
  createIdentity,
  type IdentityModels,
  isIdentityError,
  type OpenedSession,
  type UserDocument,
} from "../src/index.js";
import { listSecurityEvents } from "../src/security-events/events.js";
import { validateSession } from "../src/sessions/check/validate.js";
import { listSessions } from "../src/sessions/list.js";
import { openSession } from "../src/sessions/open.js";
import { refreshSession } from "../src/sessions/refresh.js";
import { revokeAllSessions, revokeOtherSessions, revokeSession } from "../src/sessions/revoke.js";
import { readSession } from "../src/stored/session.js";
import { readUser, setUserStatus } from "../src/users/accounts.js";
import { updateSecurity } from "../src/users/settings.js";
import { contextAt } from "./context.js";
import { commandsDuring, makeUser, separateModels, useIdentityDatabase } from "./database.js";
import { liveSessions, watchHighest } from "./live-sessions.js";
import { after, now } from "./moment.js";

const parallel = 100;
const database = useIdentityDatabase();
let models: IdentityModels;
beforeAll(() => {
  models = database().models;
});

async function settle<T>(attempts: Promise<T>[]) {
  const settled = await Promise.allSettled(attempts);
  const rejected = settled.flatMap((one) => (one.status === "rejected" ? [one.reason as unknown] : []));
  const fulfilled = settled.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
  return { fulfilled, rejected };
}

const live = (user: Pick<UserDocument, "_id">, at = now) => liveSessions(models, user._id, at);

describe("openSession", () => {
  it("returns a token that only its hash stands for in the database", async () => {
    const user = await makeUser(models);
    const opened = await openSession(contextAt(models, now), {
      userId: user._id,
      ip: "::ffff:203.0.113.9",
      userAgent: "curl/8.5.0",
    });
    const stored = await models.UserSession.findById(opened.id).lean();
    expect(JSON.stringify(stored)).not.toContain(opened.token.slice(5, 40));
    expect(stored?.slot).toEqual(expect.any(Number));
    const { ip, network, device } = readSession(stored!);
    expect([ip, network, device.label]).toEqual(["203.0.113.9", "203.0.113.0/24", "curl"]);
    expect(opened.evicted).toEqual([]);
  });

  it("refuses an unknown, an inactive and a not allowed user, each by its code", async () => {
    const suspended = await makeUser(models, { status: "suspended" });
    const fenced = await makeUser(models, { security: { ipAllowlist: ["192.0.2.0/24"] } });
    const attempt = (userId: UserDocument["_id"]) =>
      openSession(contextAt(models, now), { userId, ip: "198.51.100.1" });
    await expect(attempt(new models.User()._id)).rejects.toMatchObject({ code: "USER_NOT_FOUND" });
    await expect(attempt(suspended._id)).rejects.toMatchObject({ code: "USER_NOT_ACTIVE" });
    await expect(attempt(fenced._id)).rejects.toMatchObject({ code: "ADDRESS_NOT_ALLOWED" });
    expect(await live(fenced)).toBe(0);
  });

  it("names a new device and a new location", async () => {
    const user = await makeUser(models, {
      analytics: { countries: [{ code: "NO", logins: 3, lastSeenAt: now }] },
    });
    const login = (country: string) =>
      openSession(contextAt(models, now), {
        userId: user._id,
        userAgent: "curl/8.5.0",
        location: { country },
      });
    expect(await login("NO")).toMatchObject({ newDevice: true, newLocation: false });
    expect(await login("BR")).toMatchObject({ newDevice: false, newLocation: true });
  });

  it(`evict_oldest: ${parallel} parallel logins never make more live sessions than the cap`, async () => {
    const user = await makeUser(models, { security: { maxConcurrentSessions: 5 } });
    const highest = watchHighest(models, user._id, now);
    const logins = separateModels(database(), parallel).map((separate) =>
      openSession(contextAt(separate, now), { userId: user._id }),
    );
    const { fulfilled, rejected } = await settle(logins);
    expect(rejected).toEqual([]);
    expect(await highest()).toBeLessThanOrEqual(5);
    expect(await live(user)).toBe(5);
    // Every session that is not live was named to somebody as evicted, once.
    const evicted = fulfilled.flatMap((opened) => opened.evicted.map(({ id }) => id.toHexString()));
    expect(evicted).toHaveLength(parallel - 5);
    expect(new Set(evicted).size).toBe(parallel - 5);
  });

  it(`deny: of ${parallel} parallel logins as many succeed as the cap allows, and the rest are told why`, async () => {
    const user = await makeUser(models, { security: { maxConcurrentSessions: 7, limitPolicy: "deny" } });
    const highest = watchHighest(models, user._id, now);
    const logins = separateModels(database(), parallel).map((separate) =>
      openSession(contextAt(separate, now), { userId: user._id }),
    );
    const { fulfilled, rejected } = await settle(logins);
    expect(await highest()).toBeLessThanOrEqual(7);
    expect(fulfilled).toHaveLength(7);
    expect(rejected.every((error) => isIdentityError(error, "SESSION_LIMIT_REACHED"))).toBe(true);
  });

  it(`lets ${parallel} logins of one process wait for each other instead of losing to each other`, async () => {
    const user = await makeUser(models, { security: { maxConcurrentSessions: 5 } });
    const logins = () =>
      Promise.all(
        Array.from({ length: parallel }, () => openSession(contextAt(models, now), { userId: user._id })),
      );
    const { result, commands } = await commandsDuring(database(), logins);
    expect(result).toHaveLength(parallel);
    // Losing to each other they send 7,000.
    expect(commands.length).toBeLessThanOrEqual(12 * parallel);
  });

  it("does not count sessions that have expired but are still there", async () => {
    const user = await makeUser(models, { security: { maxConcurrentSessions: 2, limitPolicy: "deny" } });
    await openSession(contextAt(models, now), { userId: user._id });
    await openSession(contextAt(models, now), { userId: user._id });
    const tomorrow = after(duration.day);
    await openSession(contextAt(models, tomorrow), { userId: user._id });
    await openSession(contextAt(models, tomorrow), { userId: user._id });
    expect(await live(user, tomorrow)).toBe(2);
    await expect(openSession(contextAt(models, tomorrow), { userId: user._id })).rejects.toMatchObject({
      code: "SESSION_LIMIT_REACHED",
    });
  });

  it.each(["evict_oldest", "deny"] as const)(
    "%s: takes the place of the session that it replaces",
    async (limitPolicy) => {
      const user = await makeUser(models, { security: { maxConcurrentSessions: 2, limitPolicy } });
      const kept = await openSession(contextAt(models, now), { userId: user._id });
      const former = await openSession(contextAt(models, after(1)), { userId: user._id });
      const opened = await openSession(contextAt(models, after(2)), {
        userId: user._id,
        replaces: former.id,
      });
      expect(opened.evicted).toEqual([]);
      expect(
        (await listSessions(contextAt(models, after(2)), { userId: user._id })).map(({ id }) => id),
      ).toEqual([opened.id, kept.id]);
      const revocationReason = (await models.UserSession.findById(former.id).lean())?.revocationReason;
      expect(revocationReason).toBe("signed_in_again");
    },
  );

  it("ends nothing that is not the user's own to replace", async () => {
    const [user, other] = [await makeUser(models), await makeUser(models)];
    const theirs = await openSession(contextAt(models, now), { userId: other._id });
    await openSession(contextAt(models, now), { userId: user._id, replaces: theirs.id });
    expect(await live(other)).toBe(1);
  });

  it("meets a lowered cap at the next login", async () => {
    const user = await makeUser(models, { security: { maxConcurrentSessions: 10 } });
    for (let login = 0; login < 10; login++)
      await openSession(contextAt(models, after(login)), { userId: user._id });
    await updateSecurity(contextAt(models, now), { userId: user._id, changes: { maxConcurrentSessions: 3 } });
    const opened = await openSession(contextAt(models, after(100)), { userId: user._id });
    expect(opened.evicted).toHaveLength(8);
    expect(await live(user)).toBe(3);
    const slots = await models.UserSession.distinct("slot", { userId: user._id, slot: { $gte: 0 } });
    expect(Math.max(...(slots as number[]))).toBeLessThan(3);
  });

  it("leaves no session that was opened before all were revoked, however they race", async () => {
    const user = await makeUser(models, { security: { maxConcurrentSessions: 50 } });
    const opens = Array.from({ length: 50 }, () => openSession(contextAt(models, now), { userId: user._id }));
    const revoked = revokeAllSessions(contextAt(models, now), { userId: user._id });
    const { fulfilled, rejected } = await settle(opens);
    await revoked;
    expect(rejected.every((error) => isIdentityError(error, "SESSIONS_REVOKED"))).toBe(true);
    const { sessionGeneration } = (await models.User.findById(user._id).lean()) as UserDocument;
    const older = { userId: user._id, revokedAt: null, userGeneration: { $lt: sessionGeneration } };
    expect(await models.UserSession.countDocuments(older)).toBe(0);
    expect(fulfilled.length + rejected.length).toBe(50);
  });

  it("refuses a login whose password was checked before all sessions were revoked", async () => {
    const user = await makeUser(models);
    await revokeAllSessions(contextAt(models, now), { userId: user._id });
    const stale = { userId: user._id, sessionGeneration: 0 };
    await expect(openSession(contextAt(models, now), stale)).rejects.toMatchObject({
      code: "SESSIONS_REVOKED",
    });
  });
});

describe("validateSession", () => {
  let opened: OpenedSession;
  let user: UserDocument;
  beforeAll(async () => {
    user = await makeUser(models, {
      roles: ["admin"],
      security: { idleTimeoutMs: duration.hour, absoluteLifetimeMs: 3 * duration.hour },
    });
    opened = await openSession(contextAt(models, now), { userId: user._id, scopes: ["repo"] });
  });

  it("answers with what a service needs, by one read and no write, two hundred times", async () => {
    const { result, commands } = await commandsDuring(database(), async () => {
      let last = await validateSession(contextAt(models, now), opened.token);
      for (let check = 1; check < 200; check++)
        last = await validateSession(contextAt(models, after(check)), opened.token);
      return last;
    });
    expect(result).toMatchObject({
      ok: true,
      touched: false,
      session: { userId: user._id, roles: ["admin"], scopes: ["repo"], risk: { level: "unscored" } },
    });
    expect(commands).toEqual(Array(200).fill("find"));
  });

  it("refuses what is no token without a read", async () => {
    const { commands } = await commandsDuring(database(), async () => {
      for (const junk of ["", "ids_x", undefined, { $ne: null }, `${opened.token.slice(0, -1)}!`]) {
        expect(await validateSession(contextAt(models, now), junk)).toEqual({
          ok: false,
          reason: "malformed",
        });
      }
    });
    expect(commands).toEqual([]);
  });

  it("writes once in a touch interval, whatever the number of parallel requests", async () => {
    const at = after(2 * duration.minute);
    const checks = () =>
      Promise.all(
        Array.from({ length: parallel }, () => validateSession(contextAt(models, at), opened.token)),
      );
    await checks();
    const { commands } = await commandsDuring(database(), checks);
    expect(commands.filter((name) => name !== "find")).toEqual([]);
    const stored = await models.UserSession.findById(opened.id).lean();
    expect(stored?.lastSeenAt).toEqual(at);
    expect(stored?.idleExpiresAt).toEqual(new Date(at.getTime() + duration.hour));
  });

  it("ends idle sessions and old ones on read, though the documents are still there", async () => {
    const idle = await openSession(contextAt(models, now), { userId: user._id });
    expect(await validateSession(contextAt(models, after(duration.hour - 1)), idle.token)).toMatchObject({
      ok: true,
    });
    const busy = await openSession(contextAt(models, now), { userId: user._id });
    for (let minutes = 30; minutes < 180; minutes += 30) {
      const check = await validateSession(contextAt(models, after(minutes * duration.minute)), busy.token);
      expect(check).toMatchObject({ ok: true, touched: true });
    }
    expect(await validateSession(contextAt(models, after(3 * duration.hour)), busy.token)).toEqual({
      ok: false,
      reason: "absolute_expired",
    });
    const silent = await openSession(contextAt(models, now), { userId: user._id });
    expect(await validateSession(contextAt(models, after(duration.hour)), silent.token)).toEqual({
      ok: false,
      reason: "idle_expired",
    });
    expect(await models.UserSession.countDocuments({ _id: { $in: [busy.id, silent.id] } })).toBe(2);
  });

  it("does not touch when the clock has gone back", async () => {
    const session = await openSession(contextAt(models, now), { userId: user._id });
    const check = await validateSession(contextAt(models, after(-duration.day)), session.token);
    expect(check).toMatchObject({ ok: true, touched: false });
  });

  it("refuses a session of a newer layout by its code", async () => {
    const session = await openSession(contextAt(models, now), { userId: user._id });
    // Its fields may have other types there: that is no damage.
    for (const newer of [{ schemaVersion: 99 }, { schemaVersion: 99, risk: "low" }]) {
      await models.UserSession.collection.updateOne({ _id: session.id }, { $set: newer });
      await expect(validateSession(contextAt(models, now), session.token)).rejects.toMatchObject({
        code: "SCHEMA_TOO_NEW",
      });
    }
  });
});

describe("ending sessions", () => {
  it("ends one, the others, and all", async () => {
    const user = await makeUser(models);
    const open = () => openSession(contextAt(models, now), { userId: user._id });
    const [first, second, third] = [await open(), await open(), await open()];
    expect(await revokeSession(contextAt(models, now), { userId: user._id, sessionId: first.id })).toBe(true);
    expect(await revokeSession(contextAt(models, now), { userId: user._id, sessionId: first.id })).toBe(
      false,
    );
    expect(await validateSession(contextAt(models, now), first.token)).toEqual({
      ok: false,
      reason: "revoked",
    });
    expect(await revokeOtherSessions(contextAt(models, now), { userId: user._id, sessionId: third.id })).toBe(
      1,
    );
    expect((await listSessions(contextAt(models, now), { userId: user._id })).map(({ id }) => id)).toEqual([
      third.id,
    ]);
    expect(await revokeAllSessions(contextAt(models, now), { userId: user._id })).toBe(1);
    expect(await validateSession(contextAt(models, now), second.token)).toMatchObject({ reason: "revoked" });
    expect(await live(user)).toBe(0);
  });

  it("does not end a session of somebody else", async () => {
    const [owner, stranger] = [await makeUser(models), await makeUser(models)];
    const opened = await openSession(contextAt(models, now), { userId: owner._id });
    expect(await revokeSession(contextAt(models, now), { userId: stranger._id, sessionId: opened.id })).toBe(
      false,
    );
    expect(await validateSession(contextAt(models, now), opened.token)).toMatchObject({ ok: true });
  });

  it("ends every session of an account that is no longer active", async () => {
    const user = await makeUser(models);
    const opened = await openSession(contextAt(models, now), { userId: user._id });
    await setUserStatus(contextAt(models, now), { userId: user._id, status: "suspended" });
    expect(await validateSession(contextAt(models, now), opened.token)).toMatchObject({ reason: "revoked" });
  });

  it("gives the methods of a document the same effect", async () => {
    const user = await makeUser(models);
    const opened = await openSession(contextAt(models, now), { userId: user._id });
    const identity = createIdentity({ connection: database().connection, clock: { now: () => now } });
    const session = await identity.models.UserSession.findById(opened.id).orFail();
    await session.incrementApiUsage({ endpoint: "GET /v1/profile", requests: 3, failures: 1 });
    const refreshed = await session.refreshSession(opened.token);
    expect(refreshed).toMatchObject({ ok: true, sessionId: opened.id });
    expect(await session.terminate()).toBe(true);
    const stored = await models.UserSession.findById(opened.id).lean();
    expect(stored).toMatchObject({
      apiUsage: { requests: 3, failures: 1 },
      generation: 1,
      revocationReason: "signed_out",
    });
  });
});

describe("refreshSession", () => {
  it(`${parallel} parallel refreshes of one token: one successor, one rotation, no alarm`, async () => {
    const user = await makeUser(models);
    const opened = await openSession(contextAt(models, now), { userId: user._id });
    const results = await Promise.all(
      Array.from({ length: parallel }, () => refreshSession(contextAt(models, now), opened.token)),
    );
    const tokens = new Set(results.map((result) => (result.ok ? result.token : result.reason)));
    expect(tokens.size).toBe(1);
    expect(results.filter((result) => result.ok && !result.retried)).toHaveLength(1);
    const [token] = tokens;
    expect(await validateSession(contextAt(models, now), token)).toMatchObject({ ok: true });
    expect((await models.UserSession.findById(opened.id).lean())?.generation).toBe(1);
    expect(await listSecurityEvents(contextAt(models), { userId: user._id })).toEqual([]);
  });

  it("keeps the token before it good for the grace interval, pinned to the rotation", async () => {
    const user = await makeUser(models);
    const { token } = await openSession(contextAt(models, now), { userId: user._id });
    await refreshSession(contextAt(models, now), token);
    for (const second of [10, 20, 29]) {
      const at = after(second * duration.second);
      expect(await validateSession(contextAt(models, at), token)).toMatchObject({ ok: true });
      expect(await refreshSession(contextAt(models, at), token)).toMatchObject({
        ok: true,
        retried: true,
      });
    }
    const late = after(30 * duration.second);
    expect(await validateSession(contextAt(models, late), token)).toEqual({
      ok: false,
      reason: "rotated",
    });
    expect(await refreshSession(contextAt(models, late), token)).toEqual({
      ok: false,
      reason: "reused",
    });
  });

  it("on reuse ends the session, leaves no live child and writes one event, also in a race with a rotation", async () => {
    for (let round = 0; round < 10; round++) {
      const user = await makeUser(models);
      const { token: first, id } = await openSession(contextAt(models, now), { userId: user._id });
      const rotated = await refreshSession(contextAt(models, now), first);
      if (!rotated.ok) throw new Error(rotated.reason);
      const late = after(duration.hour);
      const rotations = Array.from({ length: 10 }, () =>
        refreshSession(contextAt(models, late), rotated.token),
      );
      const reuses = Array.from({ length: 10 }, () => refreshSession(contextAt(models, late), first));
      const results = await Promise.all([...rotations, ...reuses]);
      for (const result of results) {
        if (result.ok) {
          expect(await validateSession(contextAt(models, late), result.token)).toEqual({
            ok: false,
            reason: "revoked",
          });
        }
      }
      expect(await models.UserSession.findById(id).lean()).toMatchObject({
        revocationReason: "reuse_detected",
      });
      const events = await listSecurityEvents(contextAt(models), {
        userId: user._id,
        kind: "reuse_detected",
      });
      expect(events).toHaveLength(1);
      expect(events[0]).toMatchObject({ severity: "critical", sessionId: id });
    }
  });

  it("refuses an ended, an expired and an unknown session without an alarm", async () => {
    const user = await makeUser(models);
    const ended = await openSession(contextAt(models, now), { userId: user._id });
    await revokeSession(contextAt(models, now), { userId: user._id, sessionId: ended.id });
    const idle = await openSession(contextAt(models, now), { userId: user._id });
    const unknown = await openSession(contextAt(models, now), { userId: user._id });
    await models.UserSession.deleteOne({ _id: unknown.id });
    expect(await refreshSession(contextAt(models, now), ended.token)).toEqual({
      ok: false,
      reason: "revoked",
    });
    expect(await refreshSession(contextAt(models, after(duration.day)), idle.token)).toEqual({
      ok: false,
      reason: "idle_expired",
    });
    expect(await refreshSession(contextAt(models, now), unknown.token)).toEqual({
      ok: false,
      reason: "unknown",
    });
    expect(await refreshSession(contextAt(models, now), 42)).toEqual({
      ok: false,
      reason: "malformed",
    });
    expect(await listSecurityEvents(contextAt(models), { userId: user._id })).toEqual([]);
  });
});

describe("an account as the authentication read it", () => {
  it("saves its read, and is not believed once the session is in", async () => {
    const account = await readUser(contextAt(models), (await makeUser(models))._id);
    const userId = account._id;
    await openSession(contextAt(models, now), { userId });
    const { commands } = await commandsDuring(database(), () =>
      openSession(contextAt(models, now), { userId, account }),
    );
    expect(commands).toEqual(["find", "insert", "find"]);
    await revokeAllSessions(contextAt(models, now), { userId });
    await expect(openSession(contextAt(models, now), { userId, account })).rejects.toMatchObject({
      code: "SESSIONS_REVOKED",
    });
    expect(await live(account)).toBe(0);
  });

  it("is refused for another user", async () => {
    const account = await readUser(contextAt(models), (await makeUser(models))._id);
    const { _id: userId } = await makeUser(models);
    await expect(openSession(contextAt(models, now), { userId, account })).rejects.toMatchObject({
      code: "USER_NOT_FOUND",
    });
  });
});

describe("the grace of a session that rotates again", () => {
  it("a retry within its token's grace is no theft, though the session was rotated again meanwhile", async () => {
    const user = await makeUser(models);
    const { token: first } = await openSession(contextAt(models, now), { userId: user._id });
    const second = await refreshSession(contextAt(models, now), first);
    if (!second.ok) throw new Error(second.reason);
    const third = await refreshSession(contextAt(models, after(5 * duration.second)), second.token);
    if (!third.ok) throw new Error(third.reason);
    const at = after(10 * duration.second);
    expect(await validateSession(contextAt(models, at), first)).toMatchObject({ ok: true });
    expect(await refreshSession(contextAt(models, at), first)).toMatchObject({
      ok: true,
      retried: true,
      token: third.token,
    });
    expect(await listSecurityEvents(contextAt(models), { userId: user._id })).toEqual([]);
  });

  it("a hundred parallel chains of refreshes, each going on with what it got, stay one lineage", async () => {
    const user = await makeUser(models);
    const { token } = await openSession(contextAt(models, now), { userId: user._id });
    const chain = async () => {
      let last = token;
      for (let use = 0; use < 5; use++) {
        const result = await refreshSession(contextAt(models, now), last);
        if (!result.ok) throw new Error(result.reason);
        last = result.token;
      }
      return last;
    };
    const ends = await Promise.all(Array.from({ length: 100 }, chain));
    for (const end of ends)
      expect(await validateSession(contextAt(models, now), end)).toMatchObject({ ok: true });
    expect(await listSecurityEvents(contextAt(models), { userId: user._id })).toEqual([]);
  });
});
