// Taken from public reports; each case names its source, and why the right value is right.

import { mongo, Types } from "mongoose";
import { beforeAll, describe, expect, it } from "vitest";
import { recordLogin } from "../../src/analytics/logins.js";
import { getUserAnalytics } from "../../src/analytics/user-analytics.js";
import { createApiKey, listApiKeys } from "../../src/api-keys/manage.js";
import { duration } from "../../src/core/limits.js";
import { isRedirectUri, isRegisteredUri } from "../../src/core/redirect-uris.js";
import type { IdentityModels, PagePosition } from "../../src/index.js";
import { createLoginChallenge, verifyLoginChallenge } from "../../src/logins/challenges.js";
import { reserveLoginAttempt } from "../../src/logins/reserve.js";
import { settleLoginAttempt } from "../../src/logins/settle.js";
import { validateAccessToken } from "../../src/oauth/access.js";
import { registerApp } from "../../src/oauth/apps.js";
import { refreshAppToken } from "../../src/oauth/refresh.js";
import { exportUserData } from "../../src/privacy/export.js";
import { queries, readPagePosition, writePagePosition } from "../../src/queries/queries.js";
import { runQuery } from "../../src/queries/run-query.js";
import { recordRiskFeedback } from "../../src/risk/feedback.js";
import { readRiskKnowledge } from "../../src/risk/knowledge.js";
import { RiskRecorder } from "../../src/risk/recorder.js";
import { listSecurityEvents, recordSecurityEvent } from "../../src/security-events/events.js";
import { openSession } from "../../src/sessions/open.js";
import { UsageRecorder } from "../../src/usage/recorder.js";
import { authenticateUser, registerUser, setUserStatus } from "../../src/users/accounts.js";
import { updateSecurity } from "../../src/users/settings.js";
import { contextAt } from "../context.js";
import { makeUser, useIdentityDatabase } from "../database.js";
import { eraseUserData } from "../erasing.js";
import { after, now } from "../moment.js";
import { codeFor, exchange, granted, makeWorld, refresh } from "../oauth-world.js";
import { verifyApiKey } from "../recorders.js";

const database = useIdentityDatabase();
let models: IdentityModels;
beforeAll(() => {
  models = database().models;
});
const password = "correct horse battery staple";

describe("a purge date", () => {
  const profileOf = async (subject: "account" | "network" | "user", key?: string) =>
    (await models.LoginProfile.collection.findOne(
      { subject, ...(key && { key }) },
      { sort: { _id: -1 } },
    )) as {
      purgeAt: Date;
    } | null;
  const inTenYears = after(3_650 * duration.day);
  const inTwoYears = after(730 * duration.day);

  // A clock that is ten years ahead once would keep a profile of personal data for ten years.
  it("that a wrong clock set ten years ahead comes back at the next use", async () => {
    const attempt = { identifier: "clock@example.com", ip: "198.51.100.7" };
    await reserveLoginAttempt(contextAt(models, inTenYears), attempt);
    const admission = await reserveLoginAttempt(contextAt(models, now), attempt);
    if (!admission.ok) throw new Error("refused");
    expect((await profileOf("account"))?.purgeAt.getTime()).toBeLessThan(inTwoYears.getTime());
    expect((await profileOf("network", "198.51.100.0/24"))?.purgeAt.getTime()).toBeLessThan(
      inTwoYears.getTime(),
    );
    await models.LoginProfile.collection.updateMany({}, { $set: { purgeAt: inTenYears } });
    const outcome = { attempt: admission.attempt, succeeded: true, deviceCookie: "cookie" };
    await settleLoginAttempt(contextAt(models, now), outcome);
    expect((await profileOf("account"))?.purgeAt).toEqual(after(90 * duration.day));
    const userId = new Types.ObjectId();
    const challenge = {
      userId,
      sessionGeneration: 0,
      risk: { level: "medium", reasons: [] as string[] },
    } as const;
    await createLoginChallenge(contextAt(models, inTenYears), challenge as never);
    await createLoginChallenge(contextAt(models, now), challenge as never);
    expect((await profileOf("user", userId.toHexString()))?.purgeAt).toEqual(after(duration.day));
  });

  it("that is later for a reason stays: a known device is remembered for as long as it was promised", async () => {
    const attempt = { identifier: "known@example.com" };
    const admission = await reserveLoginAttempt(contextAt(models, now), attempt);
    if (!admission.ok) throw new Error("refused");
    await settleLoginAttempt(contextAt(models, now), {
      attempt: admission.attempt,
      succeeded: true,
      deviceCookie: "c",
    });
    await reserveLoginAttempt(contextAt(models, after(duration.day)), attempt);
    expect((await profileOf("account"))?.purgeAt).toEqual(after(90 * duration.day));
  });
});

describe("a challenge of a clock that is ahead", () => {
  it("is not good for as long as that clock was ahead", async () => {
    const input = { userId: new Types.ObjectId(), sessionGeneration: 0 };
    const risk = { level: "medium" as const, reasons: [] };
    const made = await createLoginChallenge(contextAt(models, after(365 * duration.day)), { ...input, risk });
    expect(await verifyLoginChallenge(contextAt(models, now), made)).toMatchObject({ reason: "expired" });
  });
});

describe("limits hold under concurrency", () => {
  // AIxBlock 210, identity-idp 9374: a limit that is read first and inserted after lets parallel requests pass.
  it("of thirty challenges at once five are made, and more after a quarter of an hour", async () => {
    const userId = new Types.ObjectId();
    const input = { userId, sessionGeneration: 0, risk: { level: "medium", reasons: [] } } as const;
    const create = (at: Date) =>
      createLoginChallenge(contextAt(models, at), { ...input, risk: { level: "medium", reasons: [] } });
    const made = await Promise.allSettled(Array.from({ length: 30 }, () => create(now)));
    expect(made.filter(({ status }) => status === "fulfilled")).toHaveLength(5);
    expect(await models.LoginChallenge.countDocuments({ userId })).toBe(5);
    await expect(create(after(14 * duration.minute))).rejects.toMatchObject({ code: "CHALLENGE_LIMIT" });
    expect((await create(after(15 * duration.minute))).token).toBeDefined();
  });

  // Tests, jobs or apps of one account that sign in at the same moment: none of them has guessed.
  it("right passwords that come at once are no failures, where the service waits", async () => {
    const identifier = "together@example.com";
    await registerUser(contextAt(models, now), { email: identifier, password });
    const signIn = async () => {
      const admission = await reserveLoginAttempt(contextAt(models, now), { identifier, waitMs: 10_000 });
      if (!admission.ok) return false;
      const { ok: succeeded } = await authenticateUser(contextAt(models), {
        identifier,
        password,
      });
      await settleLoginAttempt(contextAt(models, now), { attempt: admission.attempt, succeeded });
      return succeeded;
    };
    expect(await Promise.all(Array.from({ length: 12 }, signIn))).toEqual(Array(12).fill(true));
  });

  it("and wrong ones wait for nothing in the end: as many are evaluated as are free", async () => {
    const identifier = "guessed@example.com";
    let evaluated = 0;
    const guess = async () => {
      const admission = await reserveLoginAttempt(contextAt(models, now), { identifier, waitMs: 10_000 });
      if (!admission.ok) return;
      evaluated += 1;
      await settleLoginAttempt(contextAt(models, now), { attempt: admission.attempt, succeeded: false });
    };
    // The first makes the profile: of parallel first attempts a server may count one twice, and let in too few.
    await guess();
    await Promise.all(Array.from({ length: 40 }, guess));
    expect(evaluated).toBe(5);
  });
});

describe("one wrong clock reading (rai 35, NTPClient 84, MediaWiki-MCP 557)", () => {
  const year = 365 * duration.day;

  it("does not freeze a user's window, last activity or engagement", async () => {
    const { _id: userId } = await makeUser(models);
    const usage = new UsageRecorder(models);
    const use = async (ms: number, times: number) => {
      for (let n = 0; n < times; n++) usage.record({ userId, endpoint: "GET /" }, after(ms));
      await usage.flush();
    };
    await use(0, 10);
    await use(10 * year, 1);
    for (let day = 1; day <= 3; day++) await use(day * duration.day, 10);
    const user = await models.User.findById(userId).lean();
    expect(user?.apiUsage.window).toMatchObject({ requests: 10 });
    expect(user?.lastActiveAt).toEqual(after(3 * duration.day));
    await recordLogin(contextAt(models, after(10 * year)), {
      userId,
      deviceHash: Buffer.alloc(16, "x"),
      deviceLabel: "curl",
    });
    await recordLogin(contextAt(models, after(4 * duration.day)), {
      userId,
      deviceHash: Buffer.alloc(16, "x"),
      deviceLabel: "curl",
    });
    const { engagement, logins } = await getUserAnalytics(contextAt(models, after(40 * duration.day)), {
      userId,
    });
    expect(logins.lastLoginAt).toEqual(after(4 * duration.day));
    expect(engagement.parts.recency).toBeLessThan(5);
  });

  it("does not lock an API key until then, nor grant its quota twice", async () => {
    const { _id: userId } = await makeUser(models);
    const make = (limits: object) =>
      createApiKey(contextAt(models, now), { userId, name: "ci", scopes: [], ...limits });
    const limited = await make({ rateLimit: { limit: 2, windowMs: duration.minute } });
    const refill = { amount: 2, intervalMs: duration.hour };
    const metered = await make({ quota: { remaining: 2, refill } });
    const isValid = async (key: string, ms: number) => (await verifyApiKey(models, { key }, after(ms))).ok;
    for (const { key } of [limited, metered]) expect(await isValid(key, year)).toBe(true);
    const minutes = [1, 2, 3, 1_440].map((n) => n * duration.minute);
    for (const ms of minutes) expect(await isValid(limited.key, ms)).toBe(true);
    expect([await isValid(metered.key, 1), await isValid(metered.key, 2)]).toEqual([true, false]);
    expect(await isValid(metered.key, duration.hour)).toBe(true);
  });
});

describe("what is counted in memory", () => {
  it("late for the window before, leaves the next one as it is", async () => {
    const { _id: userId } = await makeUser(models);
    const [slow, quick] = [new UsageRecorder(models), new UsageRecorder(models)];
    const midnight = 12 * duration.hour;
    slow.record({ userId, endpoint: "GET /" }, after(midnight - 1));
    quick.record({ userId, endpoint: "GET /" }, after(midnight + 1));
    await quick.flush();
    await slow.flush();
    const { apiUsage } = (await models.User.findById(userId).lean())!;
    expect(apiUsage).toMatchObject({
      totals: { requests: 2 },
      window: { requests: 1, startedAt: after(midnight) },
    });
  });

  // Hephaestus 1060, spoo 306.
  it("does not bring back somebody who was erased meanwhile", async () => {
    const { _id: userId } = await makeUser(models);
    const usage = new UsageRecorder(models);
    const risk = new RiskRecorder(models);
    usage.record({ userId, endpoint: "GET /" }, now);
    risk.record({ userId, profile: { version: 1 }, keys: [], newUser: true }, now);
    await eraseUserData(contextAt(models, now), { userId });
    await Promise.all([usage.flush(), risk.flush()]);
    expect(await models.UsageBucket.countDocuments({ userId })).toBe(0);
    expect((await readRiskKnowledge(contextAt(models), { userId, keys: [] })).profile).toBeUndefined();
  });

  // Metwally, Agrawal and El Abbadi, 2005.
  it("keeps what is used most among the favourites, with counts that are never too low", async () => {
    const { _id: userId } = await makeUser(models);
    const usage = new UsageRecorder(models);
    const truth = new Map<string, number>();
    const use = (endpoint: string, times: number) => {
      truth.set(endpoint, (truth.get(endpoint) ?? 0) + times);
      for (let n = 0; n < times; n++) usage.record({ userId, endpoint }, now);
    };
    for (let n = 0; n < 10; n++) use(`OLD /${n}`, 5);
    await usage.flush();
    for (let flush = 0; flush < 60; flush++) {
      use("GET /feed", 2);
      use(`GET /once/${flush}`, 1);
      await usage.flush();
    }
    const favourites = (await models.User.findById(userId).lean())!.apiUsage.favouriteEndpoints;
    expect(favourites).toHaveLength(10);
    expect(favourites[0]?.endpoint).toBe("GET /feed");
    for (const { endpoint, requests, error } of favourites) {
      const real = truth.get(endpoint) ?? 0;
      expect(requests).toBeGreaterThanOrEqual(real);
      expect(requests - error).toBeLessThanOrEqual(real);
    }
  });
});

describe("known devices (laravel-authentication-log 40)", () => {
  const userAgent =
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36";
  const signIn = async (userId: Types.ObjectId, input: object, at = now) => {
    const opened = await openSession(contextAt(models, at), { userId, userAgent, ...input });
    await recordLogin(contextAt(models, at), {
      userId,
      deviceHash: opened.deviceHash,
      deviceLabel: "Chrome on Windows",
    });
    return opened.newDevice;
  };

  it("are known by their cookie, which somebody else's same browser does not have", async () => {
    const { _id: userId } = await makeUser(models);
    expect(await signIn(userId, { deviceCookie: "the owner's" })).toBe(true);
    const asTablet = {
      deviceCookie: "the owner's",
      userAgent: "Mozilla/5.0 (iPad; CPU OS 17_4 like Mac OS X)",
    };
    expect(await signIn(userId, asTablet)).toBe(false);
    expect(await signIn(userId, { deviceCookie: "a thief's" })).toBe(true);
    expect(await signIn(userId, {})).toBe(true);
  });

  it("stay known to a rare visitor whose sessions are gone", async () => {
    const { _id: userId } = await makeUser(models);
    expect(await signIn(userId, {})).toBe(true);
    await models.UserSession.deleteMany({ userId });
    expect(await signIn(userId, {}, after(60 * duration.day))).toBe(false);
  });
});

describe("pages skip nothing of one moment (superplane 6627, manifold 517, activepieces 14323)", () => {
  it("walks events and keys that were all made at once", async () => {
    const { _id: userId } = await makeUser(models);
    for (let n = 0; n < 7; n++) {
      await recordSecurityEvent(contextAt(models, now), { userId, kind: "new_device", severity: "info" });
      await createApiKey(contextAt(models, now), { userId, name: `key ${n}`, scopes: [] });
    }
    const events: string[] = [];
    const keys: string[] = [];
    for (let before: PagePosition | undefined; ; ) {
      const page = { limit: 2, ...(before && { before }) };
      const found = await listSecurityEvents(contextAt(models), { userId, page });
      events.push(...found.map(({ _id }) => _id.toHexString()));
      const last = found.at(-1);
      if (!last) break;
      before = readPagePosition(writePagePosition({ at: last.at, id: last._id }));
    }
    for (let before: PagePosition | undefined; ; ) {
      const found = await listApiKeys(contextAt(models), {
        userId,
        page: { limit: 3, ...(before && { before }) },
      });
      keys.push(...found.map(({ id }) => id.toHexString()));
      const last = found.at(-1);
      if (!last) break;
      before = { at: last.createdAt, id: last.id };
    }
    expect([events.length, new Set(events).size, keys.length, new Set(keys).size]).toEqual([7, 7, 7, 7]);
  });

  it("walks a period in windows", async () => {
    const { _id: userId } = await makeUser(models);
    const from = after(50 * duration.day);
    for (let n = 0; n < 5; n++)
      await recordSecurityEvent(contextAt(models, from), { userId, kind: "new_device", severity: "info" });
    const ids: string[] = [];
    for (let last: PagePosition | undefined; ; ) {
      const period = { from, to: new Date(from.getTime() + 1), limit: 2, ...(last && { after: last }) };
      const found = await runQuery(models, queries.securityEventsBetween(period));
      ids.push(...found.map(({ _id }) => _id.toHexString()));
      const end = found.at(-1);
      if (!end) break;
      last = { at: end.at, id: end._id };
    }
    expect([ids.length, new Set(ids).size]).toEqual([5, 5]);
  });

  it.each([
    "",
    "x",
    "2026-01-01",
    "2026-01-01T00:00:00.000Z",
    "2026-13-01T00:00:00.000Z_000000000000000000000000",
  ])("%j is no position", (text) => {
    expect(() => readPagePosition(text)).toThrow(expect.objectContaining({ code: "INVALID_INPUT" }));
  });
});

describe("redirect URIs (better-auth 8426, coder 29013, kanidm 2390; RFC 8252, RFC 9700)", () => {
  const registered = [
    "http://127.0.0.1/callback",
    "http://[::1]:8080/callback?x=1",
    "https://app.example.com/cb",
  ];

  it.each([
    "http://127.0.0.1/callback",
    "http://127.0.0.1:51004/callback",
    "http://[::1]:61023/callback?x=1",
    "http://[::1]/callback?x=1",
    "https://app.example.com/cb",
  ])("%s is the app's", (uri) => {
    expect(isRegisteredUri(registered, uri)).toBe(true);
  });

  it.each([
    "http://127.0.0.1:51004/other",
    "http://localhost:51004/callback",
    "http://127.0.0.1:51004@evil.example/callback",
    "http://127.0.0.1:99999/callback",
    "http://127.0.0.1:051/callback",
    "http://127.0.0.1:/callback",
    "http://127.1:51004/callback",
    "https://127.0.0.1:51004/callback",
    "https://app.example.com:8443/cb",
    "http://[::1]:61023/callback",
  ])("%s is not", (uri) => {
    expect(isRegisteredUri(registered, uri)).toBe(false);
  });

  it.each([
    "http://127.1/cb",
    "http://2130706433/cb",
    "http://0x7f.0.0.1/cb",
    "https:///app.example.com/cb",
    "https:app.example.com/cb",
    "https://app.example.com:443/cb",
    "https://APP.example.com/cb",
    "https://app.example.com/a/../cb",
    "https://user@app.example.com/cb",
    "https://app.example.com/cb#x",
    "https://app.example.com\\@evil.example/cb",
    "com.example.app:///cb",
    "javascript:alert(1)",
  ])("%s can't be registered", (uri) => {
    expect(isRedirectUri(uri, "public")).toBe(false);
  });

  it.each([
    "https://app.example.com",
    "https://app.example.com/cb?x=1",
    "com.example.app:/cb",
    "http://localhost:1/cb",
  ])("%s can", (uri) => {
    expect(isRedirectUri(uri, "public")).toBe(true);
  });
});

describe("a refresh that asks for less", () => {
  it("gets less, in the grace period as well, and takes nothing from who asked for all", async () => {
    const world = await makeWorld(models);
    const first = granted(await exchange(models, world, await codeFor(models, world)));
    const all = granted(await refresh(models, world, first.refreshToken));
    const [scope = ""] = all.scopes;
    const narrow = `${scope}:only`;
    const ask = { client: world.client, refreshToken: first.refreshToken, scope: narrow };
    const less = granted(await refreshAppToken(contextAt(models, after(1)), ask));
    expect([less.scopes, less.retried, less.refreshToken]).toEqual([[narrow], true, all.refreshToken]);
    const again = granted(await refreshAppToken(contextAt(models, after(2)), ask));
    expect(again.accessToken).toBe(less.accessToken);
    expect(less.accessToken).not.toBe(all.accessToken);
    const scopesOf = async (token: string) => {
      const check = await validateAccessToken(contextAt(models, after(3)), token);
      return check.ok ? check.token.scopes : check.reason;
    };
    expect([await scopesOf(less.accessToken), await scopesOf(all.accessToken)]).toEqual([
      [narrow],
      all.scopes,
    ]);
  });
});

describe("references are checked where they are given (agenticos 1117, vouch 930, owncloud 23671)", () => {
  it.each<[string, (owner: Types.ObjectId) => Promise<Types.ObjectId> | Types.ObjectId, string]>([
    ["nobody", () => new Types.ObjectId(), "USER_NOT_FOUND"],
    ["the person who is erased", (owner) => owner, "INVALID_INPUT"],
    [
      "an account that was deleted",
      async () => {
        const { _id } = await makeUser(models);
        await setUserStatus(contextAt(models, now), { userId: _id, status: "deleted" });
        return _id;
      },
      "USER_NOT_ACTIVE",
    ],
  ])("apps of an erased owner don't go to %s", async (_name, heirOf, code) => {
    const { _id: ownerId } = await makeUser(models);
    const app = {
      name: "Notes",
      type: "public",
      redirectUris: ["https://app.example.com/cb"],
      scopes: ["repo"],
    } as const;
    await registerApp(contextAt(models, now), {
      ...app,
      ownerId,
      redirectUris: [...app.redirectUris],
      scopes: [...app.scopes],
    });
    const appsTo = await heirOf(ownerId);
    await expect(eraseUserData(contextAt(models, now), { userId: ownerId, appsTo })).rejects.toMatchObject({
      code,
    });
    expect(await models.User.exists({ _id: ownerId })).not.toBeNull();
  });
});

describe("an export (FinAegis 1142, agenticos 1402)", () => {
  it("has every BSON type in a form that keeps it", async () => {
    const { _id: userId } = await makeUser(models);
    const { Long, Decimal128, Binary, Timestamp, Double } = mongo;
    await models.UsageBucket.collection.insertOne({
      userId,
      interval: "day",
      startedAt: now,
      big: Long.fromString("9007199254740993"),
      price: Decimal128.fromString("1.10"),
      blob: new Binary(Buffer.from("hi")),
      clock: new Timestamp({ t: 1, i: 2 }),
      none: new Double(Number.NaN),
      ["__proto__"]: "kept",
    } as never);
    const lines: Record<string, never>[] = [];
    for await (const line of exportUserData(contextAt(models, now), userId))
      lines.push(JSON.parse(JSON.stringify(line)));
    const { document } = lines.find(({ collection }) => collection === "usage_buckets") ?? {};
    expect(document).toMatchObject({
      big: "9007199254740993",
      price: "1.10",
      blob: { $binary: { base64: "aGk=", subType: "00" } },
      clock: { $timestamp: { t: 1, i: 2 } },
      none: { $numberDouble: "NaN" },
    });
  });
});

describe("settings that lock their owner out (eas-station 2320, backend.ai 10067, matomo 15904)", () => {
  it("are refused unless confirmed", async () => {
    const { _id: userId } = await makeUser(models);
    const set = (ipAllowlist: string[], more: object) =>
      updateSecurity(contextAt(models, now), { userId, changes: { ipAllowlist }, ...more });
    const from = "[2001:db8::7]:4711";
    await set(["2001:db8::/64"], { from });
    await set([], { from });
    await expect(set(["192.0.2.0/24"], { from })).rejects.toMatchObject({
      code: "WOULD_LOCK_OUT",
      kind: "caller",
    });
    expect((await models.User.findById(userId).lean())?.security?.ipAllowlist).toEqual([]);
    expect((await set(["192.0.2.0/24"], { from, confirmed: true })).security.ipAllowlist).toEqual([
      "192.0.2.0/24",
    ]);
  });
});

describe("reports of sign-ins", () => {
  it("of one session can't push out what another said", async () => {
    const { _id: userId } = await makeUser(models);
    const sessions = [];
    for (let n = 0; n < 20; n++)
      sessions.push((await openSession(contextAt(models, after(n)), { userId })).id);
    const [owner, thief, ...others] = sessions as [Types.ObjectId, Types.ObjectId, ...Types.ObjectId[]];
    const say = (fromSessionId: Types.ObjectId, aboutSessionId: Types.ObjectId, at: Date) =>
      recordRiskFeedback(contextAt(models, at), {
        userId,
        verdict: "not_mine",
        fromSessionId,
        aboutSessionId,
      });
    await say(owner, thief, after(100));
    for (const [n, about] of [owner, ...others].entries()) await say(thief, about, after(200 + n));
    const { feedback } = await readRiskKnowledge(contextAt(models), { userId, keys: [] });
    expect(feedback).toHaveLength(16);
    expect(feedback.filter(({ fromSessionId }) => fromSessionId.equals(owner))).toHaveLength(1);
  });
});
