import { randomOf } from "@org/dev-kit/children";
import fc from "fast-check";
import type { Types } from "mongoose";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { duration } from "../src/core/limits.js";
import type { IdentityModels, UsageBucketDocument } from "../src/index.js";
import { openSession } from "../src/sessions/open.js";
import { UsageRecorder } from "../src/usage/recorder.js";
import { readUser } from "../src/users/accounts.js";
import { contextAt } from "./context.js";
import { commandsDuring, makeUser, useIdentityDatabase } from "./database.js";

// Far ahead of the server's clock, whose TTL monitor would otherwise take documents of a frozen past away.
const now = new Date("2096-06-01T12:34:56.000Z");
const database = useIdentityDatabase();
let models: IdentityModels;
beforeAll(() => {
  models = database().models;
});

const bucketsOf = (userId: Types.ObjectId) =>
  models.UsageBucket.find({ userId }).sort({ interval: 1, startedAt: 1 }).lean();

function countsOf(buckets: readonly UsageBucketDocument[]) {
  return buckets.map(({ interval, startedAt, requests }) => [interval, startedAt.toISOString(), requests]);
}

describe("UsageRecorder", () => {
  it("writes nothing for a request, and a read and three writes for any number of them", async () => {
    const usage = new UsageRecorder(models);
    const user = await makeUser(models);
    const { id } = await openSession(contextAt(models, now), { userId: user._id });
    const use = { userId: user._id, sessionId: id };
    const { commands } = await commandsDuring(database(), async () => {
      for (let request = 0; request < 500; request++) {
        usage.record(
          { ...use, endpoint: request % 2 ? "GET /a" : "GET /b", failed: request % 10 === 0 },
          now,
        );
      }
    });
    expect(commands).toEqual([]);
    const flushed = await commandsDuring(database(), () => usage.flush());
    expect(flushed.commands).toEqual(["find", "update", "update", "update"]);

    const { apiUsage, lastActiveAt } = await readUser(contextAt(models), user._id);
    expect(apiUsage).toMatchObject({
      totals: { requests: 500, failures: 50 },
      window: { requests: 500, resetAt: new Date("2096-06-02T00:00:00.000Z") },
      favouriteEndpoints: [
        { endpoint: "GET /a", requests: 250 },
        { endpoint: "GET /b", requests: 250 },
      ],
    });
    expect(lastActiveAt).toEqual(now);
    const session = await models.UserSession.findById(id).lean();
    expect(session?.apiUsage).toMatchObject({ requests: 500, failures: 50, lastEndpoint: "GET /a" });
  });

  it("writes by itself an interval after the first request that is not written", async () => {
    const user = await makeUser(models);
    const usage = new UsageRecorder(models, { flushIntervalMs: 5_000 });
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      usage.record({ userId: user._id, endpoint: "GET /a" }, now);
      vi.advanceTimersByTime(4_999);
      usage.record({ userId: user._id, endpoint: "GET /a" }, now);
      expect(vi.getTimerCount()).toBe(1);
      vi.advanceTimersByTime(1);
      vi.useRealTimers();
      await expect
        .poll(async () => (await readUser(contextAt(models), user._id)).apiUsage.totals.requests)
        .toBe(2);
    } finally {
      vi.useRealTimers();
    }
  });

  it("adds up over flushes, by hour and by day", async () => {
    const usage = new UsageRecorder(models);
    const user = await makeUser(models);
    for (const minutes of [0, 10, 90]) {
      const at = new Date(now.getTime() + minutes * duration.minute);
      usage.record({ userId: user._id, endpoint: "GET /a" }, at);
      usage.record({ userId: user._id, endpoint: "$where", failed: true }, at);
      await usage.flush();
    }
    const buckets = await bucketsOf(user._id);
    expect(countsOf(buckets)).toEqual([
      ["day", "2096-06-01T00:00:00.000Z", 6],
      ["hour", "2096-06-01T12:00:00.000Z", 4],
      ["hour", "2096-06-01T14:00:00.000Z", 2],
    ]);
    expect(buckets[0]?.endpoints).toEqual([
      { endpoint: "$where", requests: 3, failures: 3, error: 0 },
      { endpoint: "GET /a", requests: 3, failures: 0, error: 0 },
    ]);
  });

  it("counts in its own hour and day what one flush writes", async () => {
    const usage = new UsageRecorder(models);
    const user = await makeUser(models);
    const midnight = new Date("2096-06-02T00:00:00.000Z").getTime();
    for (const ms of [-duration.hour, -1, 0]) {
      usage.record({ userId: user._id, endpoint: "GET /a" }, new Date(midnight + ms));
    }
    const { commands } = await commandsDuring(database(), () => usage.flush());
    expect(commands).toEqual(["find", "update", "update"]);
    const buckets = await bucketsOf(user._id);
    expect(countsOf(buckets)).toEqual([
      ["day", "2096-06-01T00:00:00.000Z", 2],
      ["day", "2096-06-02T00:00:00.000Z", 1],
      ["hour", "2096-06-01T23:00:00.000Z", 2],
      ["hour", "2096-06-02T00:00:00.000Z", 1],
    ]);
    const { apiUsage } = await readUser(contextAt(models), user._id);
    expect(apiUsage).toMatchObject({
      totals: { requests: 3 },
      window: { requests: 1, resetAt: new Date("2096-06-03T00:00:00.000Z") },
      favouriteEndpoints: [{ endpoint: "GET /a", requests: 3 }],
    });
  });

  it("starts a new window when the old one has ended", async () => {
    const usage = new UsageRecorder(models);
    const user = await makeUser(models);
    for (const days of [0, 1]) {
      usage.record({ userId: user._id, endpoint: "GET /a" }, new Date(now.getTime() + days * duration.day));
      await usage.flush();
    }
    const { apiUsage } = await readUser(contextAt(models), user._id);
    expect(apiUsage.totals.requests).toBe(2);
    expect(apiUsage.window.requests).toBe(1);
  });

  it("keeps a user's endpoints bounded whatever the input, and counts the rest in the totals", async () => {
    const usage = new UsageRecorder(models);
    const user = await makeUser(models);
    for (let flush = 0; flush < 3; flush++) {
      for (let index = 0; index < 200; index++) {
        usage.record({ userId: user._id, endpoint: `GET /${flush}/${index}/${"x".repeat(1_000)}` }, now);
      }
      await usage.flush();
    }
    const bucket = await models.UsageBucket.findOne({ userId: user._id, interval: "day" }).lean();
    expect(bucket?.requests).toBe(600);
    expect(bucket?.endpoints.length).toBeLessThanOrEqual(64);
    const { apiUsage } = await readUser(contextAt(models), user._id);
    expect(apiUsage.totals.requests).toBe(600);
    expect(apiUsage.favouriteEndpoints.length).toBeLessThanOrEqual(10);
    await new models.UsageBucket(bucket!).validate();
  });

  // Entries that an adversary sends first must not displace the most used ones: in memory, in a bucket, among the favourites.
  it.each([1, 4, 12])(
    "lists what is used most, in %i flushes of random use, within its error",
    async (flushes) => {
      await fc.assert(
        fc.asyncProperty(fc.integer({ min: 0, max: 2 ** 32 - 1 }), async (seed) => {
          const usage = new UsageRecorder(models);
          const { _id: userId } = await makeUser(models);
          const exact = new Map<string, number>();
          const use = (endpoint: string) => {
            usage.record({ userId, endpoint }, now);
            exact.set(endpoint, (exact.get(endpoint) ?? 0) + 1);
          };
          const random = randomOf(seed);
          for (let flush = 0; flush < flushes; flush++) {
            for (let index = 0; index < 100; index++) use(`GET /${flush}/${index}`);
            for (let index = 0; index < 200; index++) use(`GET /${Math.floor(3 * random() ** 8 * 50)}`);
            await usage.flush();
          }
          const total = 300 * flushes;
          const bucket = await models.UsageBucket.findOne({ userId, interval: "day" }).lean();
          const { favouriteEndpoints } = (await readUser(contextAt(models), userId)).apiUsage;
          for (const [listed, size] of [
            [bucket?.endpoints ?? [], 64],
            [favouriteEndpoints, 10],
          ] as const) {
            expect(listed).toHaveLength(size);
            for (const { endpoint, requests, error } of listed) {
              const right = exact.get(endpoint) ?? 0;
              expect(requests).toBeGreaterThanOrEqual(right);
              expect(requests - error).toBeLessThanOrEqual(right);
              expect(error).toBeLessThanOrEqual(total / size);
            }
            const names = listed.map(({ endpoint }) => endpoint);
            const frequent = [...exact].filter(([, requests]) => requests > total / size);
            expect(names).toEqual(expect.arrayContaining(frequent.map(([endpoint]) => endpoint)));
          }
        }),
        { numRuns: flushes > 10 ? 1 : 3 },
      );
    },
  );

  it("flushes by itself when it holds as many users as it may", async () => {
    const usage = new UsageRecorder(models, { maxUsers: 3 });
    const users = [await makeUser(models), await makeUser(models), await makeUser(models)];
    for (const user of users) usage.record({ userId: user._id, endpoint: "GET /a" }, now);
    await usage.flush();
    for (const user of users)
      expect((await readUser(contextAt(models), user._id)).apiUsage.totals.requests).toBe(1);
  });

  it("loses nothing to parallel recorders of one user", async () => {
    const user = await makeUser(models);
    const recorders = Array.from({ length: 100 }, () => new UsageRecorder(models));
    for (const usage of recorders) usage.record({ userId: user._id, endpoint: "GET /a" }, now);
    await Promise.all(recorders.map((usage) => usage.flush()));
    expect((await readUser(contextAt(models), user._id)).apiUsage.favouriteEndpoints).toEqual([
      { endpoint: "GET /a", requests: 100, error: 0 },
    ]);
    const bucket = await models.UsageBucket.findOne({ userId: user._id, interval: "hour" }).lean();
    expect(bucket?.requests).toBe(100);
  });

  it("reports what a failed flush lost, and goes on", async () => {
    const lost: number[] = [];
    const refusing = {
      ...models,
      UsageBucket: { collection: { bulkWrite: () => Promise.reject(new Error("no")) } },
    };
    const usage = new UsageRecorder(refusing as unknown as IdentityModels, {
      onError: (_error, requests) => lost.push(requests),
    });
    const user = await makeUser(models);
    usage.record({ userId: user._id, endpoint: "GET /a" }, now);
    usage.record({ userId: user._id, endpoint: "GET /a" }, now);
    await usage.flush();
    expect(lost).toEqual([2]);
  });

  it("loses only what stands in a document that cannot be counted in", async () => {
    const [sound, broken] = [await makeUser(models), await makeUser(models)];
    // A repair by hand has made text of a number.
    await models.UsageBucket.collection.insertOne({
      userId: broken._id,
      interval: "day",
      startedAt: new Date("2096-06-01T00:00:00.000Z"),
      requests: "many",
    } as never);
    const lost: number[] = [];
    const usage = new UsageRecorder(models, { onError: (_error, requests) => lost.push(requests) });
    for (const { _id: userId } of [broken, sound, broken]) usage.record({ userId, endpoint: "GET /a" }, now);
    await usage.flush();
    expect(lost).toEqual([2]);
    expect((await bucketsOf(sound._id)).map(({ requests }) => requests)).toEqual([1, 1]);
    const { totals } = (await readUser(contextAt(models), sound._id)).apiUsage;
    expect(totals).toMatchObject({ requests: 1 });
  });
});
