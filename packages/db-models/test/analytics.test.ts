import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { engagementOf, engagementWeights } from "../src/analytics/engagement.js";
import { recordLogin } from "../src/analytics/logins.js";
import { getUserAnalytics, updateAnalytics } from "../src/analytics/user-analytics.js";
import { duration } from "../src/core/limits.js";
import { lookupHash } from "../src/core/secrets.js";
import { createIdentity, defineModels, type IdentityModels, openIdentity } from "../src/index.js";
import { UsageRecorder } from "../src/usage/recorder.js";
import { contextAt } from "./context.js";
import { commandsDuring, makeUser, useIdentityDatabase } from "./database.js";

// Far ahead of the server's clock, whose TTL monitor would otherwise take documents of a frozen past away.
const now = new Date("2096-06-28T12:00:00.000Z");
const daysAgo = (days: number) => new Date(now.getTime() - days * duration.day);
const database = useIdentityDatabase();
let models: IdentityModels;
beforeAll(() => {
  models = database().models;
});

describe("engagementOf", () => {
  const nobody = { lastActiveAt: undefined, activeDays: 0, requests: 0, endpoints: 0 };
  it.each([
    ["nobody", nobody, 0],
    ["everything at its full", { lastActiveAt: now, activeDays: 20, requests: 10_000, endpoints: 10 }, 100],
    ["more than full", { lastActiveAt: now, activeDays: 28, requests: 1e9, endpoints: 64 }, 100],
    ["a week away", { ...nobody, lastActiveAt: daysAgo(7) }, 18], // 35 / 2
    ["two weeks away", { ...nobody, lastActiveAt: daysAgo(14) }, 9], // 35 / 4
    ["seen by a clock ahead of ours", { ...nobody, lastActiveAt: daysAgo(-3) }, 35],
    ["half the days", { ...nobody, activeDays: 10 }, 18],
    ["99 requests", { ...nobody, requests: 99 }, 10], // 20 · log(100) / log(10,001)
    ["three endpoints", { ...nobody, endpoints: 3 }, 3],
  ])("%s", (_, activity, score) => {
    expect(engagementOf(activity, now).score).toBe(score);
  });

  it("is the sum of its parts, within bounds, and never falls with more use", () => {
    const activity = fc.record({
      lastActiveAt: fc.option(fc.integer({ min: -5, max: 4_000 }).map(daysAgo), { nil: undefined }),
      activeDays: fc.nat(28),
      requests: fc.nat(),
      endpoints: fc.nat(64),
    });
    fc.assert(
      fc.property(activity, (some) => {
        const { score, parts } = engagementOf(some, now);
        expect(score).toBe(Math.round(Object.values(parts).reduce((sum, points) => sum + points, 0)));
        for (const [name, points] of Object.entries(parts)) {
          expect(points).toBeGreaterThanOrEqual(0);
          expect(points).toBeLessThanOrEqual(engagementWeights[name as keyof typeof parts]);
        }
        const more = { ...some, requests: some.requests + 1, activeDays: some.activeDays + 1 };
        expect(engagementOf(more, now).score).toBeGreaterThanOrEqual(score);
      }),
    );
  });
});

/** A user with three days of use, one of them before the last 28 days. */
async function makeActiveUser() {
  const user = await makeUser(models, { lastActiveAt: daysAgo(0) });
  const usage = new UsageRecorder(models);
  const uses = [
    { at: daysAgo(40), endpoint: "GET /old", requests: 5 },
    { at: daysAgo(3), endpoint: "GET /a", requests: 2 },
    { at: daysAgo(0), endpoint: "GET /a", requests: 3 },
    { at: daysAgo(0), endpoint: "GET /b", requests: 4, failed: true },
  ];
  for (const { at, requests, ...use } of uses) {
    for (let request = 0; request < requests; request++) usage.record({ userId: user._id, ...use }, at);
    await usage.flush();
  }
  await recordLogin(contextAt(models, daysAgo(3)), {
    userId: user._id,
    deviceHash: lookupHash("laptop"),
    deviceLabel: "Firefox on Linux",
    country: "NO",
  });
  return user;
}

describe("getUserAnalytics", () => {
  it("reports logins, devices, countries and use by day and endpoint, in two reads", async () => {
    const { _id: userId } = await makeActiveUser();
    const { result, commands } = await commandsDuring(database(), () =>
      getUserAnalytics(contextAt(models, now), { userId }),
    );
    expect(commands).toEqual(["find", "find"]);
    expect(result).toMatchObject({
      logins: { total: 1, lastLoginAt: daysAgo(3) },
      devices: [{ label: "Firefox on Linux" }],
      countries: [{ code: "NO", logins: 1 }],
      usage: {
        requests: 9,
        failures: 4,
        byDay: [
          { startedAt: new Date("2096-06-28T00:00:00.000Z"), requests: 7, failures: 4 },
          { startedAt: new Date("2096-06-25T00:00:00.000Z"), requests: 2, failures: 0 },
        ],
        byEndpoint: [
          { endpoint: "GET /a", requests: 5, failures: 0 },
          { endpoint: "GET /b", requests: 4, failures: 4 },
        ],
      },
    });
  });

  it("reports as many days as asked for, and scores the last 28 whatever was asked for", async () => {
    const { _id: userId } = await makeActiveUser();
    const ofDays = (days: number) => getUserAnalytics(contextAt(models, now), { userId, days });
    const [one, sixty] = [await ofDays(1), await ofDays(60)];
    expect([one.usage.requests, sixty.usage.requests]).toEqual([7, 14]);
    expect(one.engagement).toEqual(sixty.engagement);
  });

  it("refuses days out of bounds and an unknown user", async () => {
    const { _id: userId } = await makeUser(models);
    for (const days of [0, 367, 1.5, Number.NaN]) {
      await expect(getUserAnalytics(contextAt(models, now), { userId, days })).rejects.toMatchObject({
        code: "INVALID_INPUT",
      });
    }
    const unknown = { userId: new models.User()._id };
    await expect(getUserAnalytics(contextAt(models, now), unknown)).rejects.toMatchObject({
      code: "USER_NOT_FOUND",
    });
    await expect(updateAnalytics(contextAt(models, now), unknown)).rejects.toMatchObject({
      code: "USER_NOT_FOUND",
    });
  });
});

describe("the methods of a user", () => {
  const temporary = useTemporaryDatabase({ label: "analytics" });
  const clock = { now: () => now };

  it("store the score by which users are ranked", async () => {
    const { _id: userId } = await makeActiveUser();
    const identity = createIdentity({ connection: database().connection, clock });
    const user = await identity.models.User.findById(userId).orFail();
    const { score } = await user.updateAnalytics();
    expect(score).toBe((await user.getUserAnalytics({ days: 7 })).engagement.score);
    expect((await models.User.findById(userId).lean())?.analytics.engagementScore).toBe(score);
    expect(score).toBeGreaterThan(35); // active today
  });

  it("count a request without a write, and closing the identity object writes it", async () => {
    const opened = await openIdentity(temporary.uri, { clock, database: { monitorCommands: true } });
    const { _id: userId } = await makeUser(opened.models);
    const user = await opened.models.User.findById(userId).orFail();
    const { commands } = await commandsDuring({ connection: opened.models.User.db }, async () => {
      for (let request = 0; request < 10; request++) user.trackApiUsage({ endpoint: "GET /a" });
    });
    expect(commands).toEqual([]);
    await opened.close();
    const { User } = defineModels(temporary.connection);
    expect((await User.findById(userId).lean())?.apiUsage.totals.requests).toBe(10);
  });

  it("share the recorder of their identity object, and no other's", async () => {
    const { _id: userId } = await makeUser(models);
    const { connection } = database();
    const [own, other] = [createIdentity({ connection, clock }), createIdentity({ connection, clock })];
    const user = await own.models.User.findById(userId).orFail();
    user.trackApiUsage({ endpoint: "GET /a" });
    own.usage.track({ userId, endpoint: "GET /a" });
    await other.flush();
    expect((await models.User.findById(userId).lean())?.apiUsage.totals.requests).toBe(0);
    await own.flush();
    expect((await models.User.findById(userId).lean())?.apiUsage.totals.requests).toBe(2);
  });
});
