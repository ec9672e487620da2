import { beforeAll, describe, expect, it } from "vitest";
import {
  duration,
  isIdentityError,
  listSecurityEvents,
  listSessions,
  type ModelsWithMethods,
  type OpenedSession,
  openSession,
  readUser,
  refreshSession,
  revokeAllSessions,
  revokeOtherSessions,
  revokeSession,
  setUserStatus,
  type UserDocument,
  updateSecurity,
  validateSession,
} from "../src/index.js";
import { commandsDuring, makeUser, separateModels, useIdentityDatabase } from "./database.js";
import { liveSessions, watchHighest } from "./live-sessions.js";
import { after, now } from "./moment.js";

const parallel = 100;
const database = useIdentityDatabase();
let models: ModelsWithMethods;
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
    const opened = await openSession(
      models,
      { userId: user._id, ip: "::ffff:203.0.113.9", userAgent: "curl/8.5.0" },
      now,
    );
    const stored = await models.UserSession.findById(opened.id).lean();
    expect(JSON.stringify(stored)).not.toContain(opened.token.slice(5, 40));
    expect(stored).toMatchObject({ ip: "203.0.113.9", network: "203.0.113.0/24", slot: expect.any(Number) });
    expect(stored?.device.label).toBe("curl");
    expect(opened.evicted).toEqual([]);
  });

  it("refuses an unknown, an inactive and a not allowed user, each by its code", async () => {
    const suspended = await makeUser(models, { status: "suspended" });
    const fenced = await makeUser(models, { security: { ipAllowlist: ["192.0.2.0/24"] } });
    const attempt = (userId: UserDocument["_id"]) => openSession(models, { userId, ip: "198.51.100.1" }, now);
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
      openSession(models, { userId: user._id, userAgent: "curl/8.5.0", location: { country } }, now);
    expect(await login("NO")).toMatchObject({ newDevice: true, newLocation: false });
    expect(await login("BR")).toMatchObject({ newDevice: false, newLocation: true });
  });

  it(`evict_oldest: ${parallel} parallel logins never make more live sessions than the cap`, async () => {
    const user = await makeUser(models, { security: { maxConcurrentSessions: 5 } });
    const highest = watchHighest(models, user._id, now);
    const logins = separateModels(database(), parallel).map((separate) =>
      openSession(separate, { userId: user._id }, now),
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
      openSession(separate, { userId: user._id }, now),
    );
    const { fulfilled, rejected } = await settle(logins);
    expect(await highest()).toBeLessThanOrEqual(7);
    expect(fulfilled).toHaveLength(7);
    expect(rejected.every((error) => isIdentityError(error, "SESSION_LIMIT_REACHED"))).toBe(true);
  });

  it(`lets ${parallel} logins of one process wait for each other instead of losing to each other`, async () => {
    const user = await makeUser(models, { security: { maxConcurrentSessions: 5 } });
    const logins = () =>
      Promise.all(Array.from({ length: parallel }, () => openSession(models, { userId: user._id }, now)));
    const { result, commands } = await commandsDuring(database(), logins);
    expect(result).toHaveLength(parallel);
    // Losing to each other they send 7,000.
    expect(commands.length).toBeLessThanOrEqual(12 * parallel);
  });

  it("does not count sessions that have expired but are still there", async () => {
    const user = await makeUser(models, { security: { maxConcurrentSessions: 2, limitPolicy: "deny" } });
    await openSession(models, { userId: user._id }, now);
    await openSession(models, { userId: user._id }, now);
    const tomorrow = after(duration.day);
    await openSession(models, { userId: user._id }, tomorrow);
    await openSession(models, { userId: user._id }, tomorrow);
    expect(await live(user, tomorrow)).toBe(2);
    await expect(openSession(models, { userId: user._id }, tomorrow)).rejects.toMatchObject({
      code: "SESSION_LIMIT_REACHED",
    });
  });

  it.each(["evict_oldest", "deny"] as const)(
    "%s: takes the place of the session that it replaces",
    async (limitPolicy) => {
      const user = await makeUser(models, { security: { maxConcurrentSessions: 2, limitPolicy } });
      const kept = await openSession(models, { userId: user._id }, now);
      const former = await openSession(models, { userId: user._id }, after(1));
      const opened = await openSession(models, { userId: user._id, replaces: former.id }, after(2));
      expect(opened.evicted).toEqual([]);
      expect((await listSessions(models, user._id, after(2))).map(({ id }) => id)).toEqual([
        opened.id,
        kept.id,
      ]);
      const revocationReason = (await models.UserSession.findById(former.id).lean())?.revocationReason;
      expect(revocationReason).toBe("signed_in_again");
    },
  );

  it("ends nothing that is not the user's own to replace", async () => {
    const [user, other] = [await makeUser(models), await makeUser(models)];
    const theirs = await openSession(models, { userId: other._id }, now);
    await openSession(models, { userId: user._id, replaces: theirs.id }, now);
    expect(await live(other)).toBe(1);
  });

  it("meets a lowered cap at the next login", async () => {
    const user = await makeUser(models, { security: { maxConcurrentSessions: 10 } });
    for (let login = 0; login < 10; login++) await openSession(models, { userId: user._id }, after(login));
    await updateSecurity(models, { userId: user._id, changes: { maxConcurrentSessions: 3 } }, now);
    const opened = await openSession(models, { userId: user._id }, after(100));
    expect(opened.evicted).toHaveLength(8);
    expect(await live(user)).toBe(3);
    const slots = await models.UserSession.distinct("slot", { userId: user._id, slot: { $gte: 0 } });
    expect(Math.max(...(slots as number[]))).toBeLessThan(3);
  });

  it("leaves no session that was opened before all were revoked, however they race", async () => {
    const user = await makeUser(models, { security: { maxConcurrentSessions: 50 } });
    const opens = Array.from({ length: 50 }, () => openSession(models, { userId: user._id }, now));
    const revoked = revokeAllSessions(models, { userId: user._id }, now);
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
    await revokeAllSessions(models, { userId: user._id }, now);
    const stale = { userId: user._id, sessionGeneration: 0 };
    await expect(openSession(models, stale, now)).rejects.toMatchObject({ code: "SESSIONS_REVOKED" });
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
    opened = await openSession(models, { userId: user._id, scopes: ["repo"] }, now);
  });

  it("answers with what a service needs, by one read and no write, a thousand times", async () => {
    const { result, commands } = await commandsDuring(database(), async () => {
      let last = await validateSession(models, opened.token, now);
      for (let check = 1; check < 1_000; check++)
        last = await validateSession(models, opened.token, after(check));
      return last;
    });
    expect(result).toMatchObject({
      active: true,
      touched: false,
      session: { userId: user._id, roles: ["admin"], scopes: ["repo"], risk: { level: "unscored" } },
    });
    expect(commands).toEqual(Array(1_000).fill("find"));
  });

  it("refuses what is no token without a read", async () => {
    const { commands } = await commandsDuring(database(), async () => {
      for (const junk of ["", "ids_x", undefined, { $ne: null }, `${opened.token.slice(0, -1)}!`]) {
        expect(await validateSession(models, junk, now)).toEqual({ active: false, reason: "malformed" });
      }
    });
    expect(commands).toEqual([]);
  });

  it("writes once in a touch interval, whatever the number of parallel requests", async () => {
    const at = after(2 * duration.minute);
    const checks = () =>
      Promise.all(Array.from({ length: parallel }, () => validateSession(models, opened.token, at)));
    await checks();
    const { commands } = await commandsDuring(database(), checks);
    expect(commands.filter((name) => name !== "find")).toEqual([]);
    const stored = await models.UserSession.findById(opened.id).lean();
    expect(stored?.lastSeenAt).toEqual(at);
    expect(stored?.idleExpiresAt).toEqual(new Date(at.getTime() + duration.hour));
  });

  it("ends idle sessions and old ones on read, though the documents are still there", async () => {
    const idle = await openSession(models, { userId: user._id }, now);
    expect(await validateSession(models, idle.token, after(duration.hour - 1))).toMatchObject({
      active: true,
    });
    const busy = await openSession(models, { userId: user._id }, now);
    for (let minutes = 30; minutes < 180; minutes += 30) {
      const check = await validateSession(models, busy.token, after(minutes * duration.minute));
      expect(check).toMatchObject({ active: true, touched: true });
    }
    expect(await validateSession(models, busy.token, after(3 * duration.hour))).toEqual({
      active: false,
      reason: "absolute_expired",
    });
    const silent = await openSession(models, { userId: user._id }, now);
    expect(await validateSession(models, silent.token, after(duration.hour))).toEqual({
      active: false,
      reason: "idle_expired",
    });
    expect(await models.UserSession.countDocuments({ _id: { $in: [busy.id, silent.id] } })).toBe(2);
  });

  it("does not touch when the clock has gone back", async () => {
    const session = await openSession(models, { userId: user._id }, now);
    const check = await validateSession(models, session.token, after(-duration.day));
    expect(check).toMatchObject({ active: true, touched: false });
  });

  it("refuses a session of a newer layout by its code", async () => {
    const session = await openSession(models, { userId: user._id }, now);
    await models.UserSession.collection.updateOne({ _id: session.id }, { $set: { schemaVersion: 99 } });
    await expect(validateSession(models, session.token, now)).rejects.toMatchObject({
      code: "SCHEMA_TOO_NEW",
    });
  });
});

describe("ending sessions", () => {
  it("ends one, the others, and all", async () => {
    const user = await makeUser(models);
    const open = () => openSession(models, { userId: user._id }, now);
    const [first, second, third] = [await open(), await open(), await open()];
    expect(await revokeSession(models, { userId: user._id, sessionId: first.id }, now)).toBe(true);
    expect(await revokeSession(models, { userId: user._id, sessionId: first.id }, now)).toBe(false);
    expect(await validateSession(models, first.token, now)).toEqual({ active: false, reason: "revoked" });
    expect(await revokeOtherSessions(models, { userId: user._id, sessionId: third.id }, now)).toBe(1);
    expect((await listSessions(models, user._id, now)).map(({ id }) => id)).toEqual([third.id]);
    expect(await revokeAllSessions(models, { userId: user._id }, now)).toBe(1);
    expect(await validateSession(models, second.token, now)).toMatchObject({ reason: "revoked" });
    expect(await live(user)).toBe(0);
  });

  it("does not end a session of somebody else", async () => {
    const [owner, stranger] = [await makeUser(models), await makeUser(models)];
    const opened = await openSession(models, { userId: owner._id }, now);
    expect(await revokeSession(models, { userId: stranger._id, sessionId: opened.id }, now)).toBe(false);
    expect(await validateSession(models, opened.token, now)).toMatchObject({ active: true });
  });

  it("ends every session of an account that is no longer active", async () => {
    const user = await makeUser(models);
    const opened = await openSession(models, { userId: user._id }, now);
    await setUserStatus(models, { userId: user._id, status: "suspended" }, now);
    expect(await validateSession(models, opened.token, now)).toMatchObject({ reason: "revoked" });
  });

  it("gives the methods of a document the same effect", async () => {
    const user = await makeUser(models);
    const opened = await openSession(models, { userId: user._id }, now);
    const session = await models.UserSession.findById(opened.id).orFail();
    await session.incrementApiUsage({ endpoint: "GET /v1/profile", requests: 3, failures: 1 }, now);
    const refreshed = await session.refreshSession(opened.token, now);
    expect(refreshed).toMatchObject({ refreshed: true, sessionId: opened.id });
    expect(await session.terminate(now)).toBe(true);
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
    const opened = await openSession(models, { userId: user._id }, now);
    const results = await Promise.all(
      Array.from({ length: parallel }, () => refreshSession(models, opened.token, now)),
    );
    const tokens = new Set(results.map((result) => (result.refreshed ? result.token : result.reason)));
    expect(tokens.size).toBe(1);
    expect(results.filter((result) => result.refreshed && !result.retried)).toHaveLength(1);
    const [token] = tokens;
    expect(await validateSession(models, token, now)).toMatchObject({ active: true });
    expect((await models.UserSession.findById(opened.id).lean())?.generation).toBe(1);
    expect(await listSecurityEvents(models, { userId: user._id })).toEqual([]);
  });

  it("keeps the token before it good for the grace interval, pinned to the rotation", async () => {
    const user = await makeUser(models);
    const { token } = await openSession(models, { userId: user._id }, now);
    await refreshSession(models, token, now);
    for (const second of [10, 20, 29]) {
      const at = after(second * duration.second);
      expect(await validateSession(models, token, at)).toMatchObject({ active: true });
      expect(await refreshSession(models, token, at)).toMatchObject({ refreshed: true, retried: true });
    }
    const late = after(30 * duration.second);
    expect(await validateSession(models, token, late)).toEqual({ active: false, reason: "rotated" });
    expect(await refreshSession(models, token, late)).toEqual({ refreshed: false, reason: "reused" });
  });

  it("on reuse ends the session, leaves no live child and writes one event, also in a race with a rotation", async () => {
    for (let round = 0; round < 10; round++) {
      const user = await makeUser(models);
      const { token: first, id } = await openSession(models, { userId: user._id }, now);
      const rotated = await refreshSession(models, first, now);
      if (!rotated.refreshed) throw new Error(rotated.reason);
      const late = after(duration.hour);
      const rotations = Array.from({ length: 10 }, () => refreshSession(models, rotated.token, late));
      const reuses = Array.from({ length: 10 }, () => refreshSession(models, first, late));
      const results = await Promise.all([...rotations, ...reuses]);
      for (const result of results) {
        if (result.refreshed) {
          expect(await validateSession(models, result.token, late)).toEqual({
            active: false,
            reason: "revoked",
          });
        }
      }
      expect(await models.UserSession.findById(id).lean()).toMatchObject({
        revocationReason: "reuse_detected",
      });
      const events = await listSecurityEvents(models, { userId: user._id, kind: "reuse_detected" });
      expect(events).toHaveLength(1);
      expect(events[0]).toMatchObject({ severity: "critical", sessionId: id });
    }
  });

  it("refuses an ended, an expired and an unknown session without an alarm", async () => {
    const user = await makeUser(models);
    const ended = await openSession(models, { userId: user._id }, now);
    await revokeSession(models, { userId: user._id, sessionId: ended.id }, now);
    const idle = await openSession(models, { userId: user._id }, now);
    const unknown = await openSession(models, { userId: user._id }, now);
    await models.UserSession.deleteOne({ _id: unknown.id });
    expect(await refreshSession(models, ended.token, now)).toEqual({ refreshed: false, reason: "revoked" });
    expect(await refreshSession(models, idle.token, after(duration.day))).toEqual({
      refreshed: false,
      reason: "idle_expired",
    });
    expect(await refreshSession(models, unknown.token, now)).toEqual({ refreshed: false, reason: "unknown" });
    expect(await refreshSession(models, 42, now)).toEqual({ refreshed: false, reason: "malformed" });
    expect(await listSecurityEvents(models, { userId: user._id })).toEqual([]);
  });
});

describe("an account as the authentication read it", () => {
  it("saves its read, and is not believed once the session is in", async () => {
    const account = await readUser(models, (await makeUser(models))._id);
    const userId = account._id;
    await openSession(models, { userId }, now);
    const { commands } = await commandsDuring(database(), () =>
      openSession(models, { userId, account }, now),
    );
    expect(commands).toEqual(["find", "insert", "find"]);
    await revokeAllSessions(models, { userId }, now);
    await expect(openSession(models, { userId, account }, now)).rejects.toMatchObject({
      code: "SESSIONS_REVOKED",
    });
    expect(await live(account)).toBe(0);
  });

  it("is refused for another user", async () => {
    const account = await readUser(models, (await makeUser(models))._id);
    const { _id: userId } = await makeUser(models);
    await expect(openSession(models, { userId, account }, now)).rejects.toMatchObject({
      code: "USER_NOT_FOUND",
    });
  });
});

describe("the grace of a session that rotates again", () => {
  it("a retry within its token's grace is no theft, though the session was rotated again meanwhile", async () => {
    const user = await makeUser(models);
    const { token: first } = await openSession(models, { userId: user._id }, now);
    const second = await refreshSession(models, first, now);
    if (!second.refreshed) throw new Error(second.reason);
    const third = await refreshSession(models, second.token, after(5 * duration.second));
    if (!third.refreshed) throw new Error(third.reason);
    const at = after(10 * duration.second);
    expect(await validateSession(models, first, at)).toMatchObject({ active: true });
    expect(await refreshSession(models, first, at)).toMatchObject({
      refreshed: true,
      retried: true,
      token: third.token,
    });
    expect(await listSecurityEvents(models, { userId: user._id })).toEqual([]);
  });

  it("a hundred parallel chains of refreshes, each going on with what it got, stay one lineage", async () => {
    const user = await makeUser(models);
    const { token } = await openSession(models, { userId: user._id }, now);
    const chain = async () => {
      let last = token;
      for (let use = 0; use < 5; use++) {
        const result = await refreshSession(models, last, now);
        if (!result.refreshed) throw new Error(result.reason);
        last = result.token;
      }
      return last;
    };
    const ends = await Promise.all(Array.from({ length: 100 }, chain));
    for (const end of ends) expect(await validateSession(models, end, now)).toMatchObject({ active: true });
    expect(await listSecurityEvents(models, { userId: user._id })).toEqual([]);
  });
});
