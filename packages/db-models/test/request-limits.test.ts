import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import type { IdentityModels } from "../src/index.js";
import { type LimitedRequest, pieceOf, RequestLimiter } from "../src/request-limits/limiter.js";
import { commandsDuring, separateModels, useIdentityDatabase } from "./database.js";
import { now } from "./moment.js";

const database = useIdentityDatabase();
let models: IdentityModels;
beforeAll(() => {
  models = database().models;
});

/** Stands in the middle of a window until a test moves it. */
const clock = { at: now.getTime(), now: () => new Date(clock.at) };
const rules = { maxClients: 1_000, patienceMs: 30_000, aloneMs: 10 };
const limiters = (count: number, more: object = {}) =>
  separateModels(database(), count).map(
    (own) => new RequestLimiter(own, { ...rules, ...more }, clock, () => undefined),
  );

let clients = 0;
const limit = (requests: number, windowMs = 600_000): LimitedRequest => {
  clients += 1;
  return { kind: "test", client: `192.0.2.${clients}`, limit: requests, windowMs };
};

/** Many requests at once, spread over the processes. */
async function many(over: RequestLimiter[], times: number, request: LimitedRequest): Promise<number> {
  const all = Array.from({ length: times }, (_, index) =>
    (over[index % over.length] as RequestLimiter).take(request),
  );
  return (await Promise.all(all)).filter(({ ok }) => ok).length;
}

describe("a limit", () => {
  it.each([1, 10, 37, 99])(
    "of %i lets through exactly as many of 100 at once in one process",
    async (requests) => {
      const [one] = limiters(1);
      expect(await many([one as RequestLimiter], 100, limit(requests))).toBe(requests);
    },
  );

  it("holds over processes: never more, and fewer by no more than the pieces that others hold", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 400 }),
        fc.integer({ min: 1, max: 4 }),
        async (requests, processes) => {
          const request = limit(requests);
          const over = limiters(processes);
          // One after the other, so that a process that took a piece may not be asked again.
          let through = 0;
          for (let round = 0; round < 3; round++) through += await many(over, requests, request);
          expect(through).toBeLessThanOrEqual(requests);
          expect(through).toBeGreaterThanOrEqual(requests - (processes - 1) * (pieceOf(requests) - 1));
        },
      ),
      { numRuns: 15, seed: 20_260_602 },
    );
  });

  it("is exact for the few attempts with a password, whichever process takes them", async () => {
    expect(pieceOf(10)).toBe(1);
    const request = limit(10);
    const over = limiters(3);
    expect(await many(over, 100, request)).toBe(10);
  });

  it("counts each client, kind and limit apart", async () => {
    const [one] = limiters(1) as [RequestLimiter];
    const request = limit(1);
    for (const other of [
      request,
      { ...request, kind: "b" },
      { ...request, client: "x" },
      { ...request, limit: 2 },
    ])
      expect((await one.take(other)).ok).toBe(true);
    expect((await one.take(request)).ok).toBe(false);
  });

  it("costs few commands, and a client that is over it none", async () => {
    const [one] = limiters(1) as [RequestLimiter];
    const request = limit(300);
    const within = await commandsDuring(database(), async () => {
      for (let index = 0; index < 100; index++) await one.take(request);
    });
    expect(within.commands.length).toBeLessThanOrEqual(10);
    await many([one], 300, request);
    const over = await commandsDuring(database(), () => many([one], 1_000, request));
    expect([over.result, over.commands]).toEqual([0, []]);
  });

  it("begins again when its window has ended", async () => {
    const [one, two] = limiters(2) as [RequestLimiter, RequestLimiter];
    const request = limit(3, 60_000);
    expect(await many([one, two], 20, request)).toBe(3);
    const { ok, resetMs, remaining } = await two.take(request);
    expect([ok, remaining]).toEqual([false, 0]);
    expect(resetMs).toBeGreaterThan(0);
    expect(resetMs).toBeLessThanOrEqual(60_000);
    clock.at += resetMs;
    expect(await many([one, two], 20, request)).toBe(3);
  });

  // Instances' clocks differ: the one ahead opens a window, and the one behind must not open the one before again.
  it("is one window for processes whose clocks differ, and for one whose clock is set back", async () => {
    const [own] = separateModels(database(), 1) as [IdentityModels];
    const ahead = { now: () => new Date(clock.at + 60_000) };
    const [here] = limiters(1) as [RequestLimiter];
    const there = new RequestLimiter(own, rules, ahead, () => undefined);
    const request = limit(5, 60_000);
    expect(await many([here], 5, request)).toBe(5);
    expect(await many([there], 5, request)).toBe(5);
    const [fresh] = limiters(1) as [RequestLimiter];
    expect(await many([fresh], 5, request)).toBe(0);
    clock.at -= 86_400_000;
    const again = await many([fresh], 20, request);
    clock.at += 86_400_000;
    expect(again).toBeLessThanOrEqual(5);
  });

  it("tells what is left and when the window ends", async () => {
    const [one] = limiters(1) as [RequestLimiter];
    const request = limit(5);
    const left: number[] = [];
    for (let index = 0; index < 6; index++) left.push((await one.take(request)).remaining);
    expect(left).toEqual([4, 3, 2, 1, 0, 0]);
  });

  it("remembers so many clients, and asks the database for the others", async () => {
    const [one] = limiters(1, { maxClients: 2 }) as [RequestLimiter];
    const request = limit(2);
    await one.take(request);
    for (let index = 0; index < 5; index++) await one.take(limit(2));
    await one.take(request);
    expect((await one.take(request)).ok).toBe(false);
  });

  it("stores no address of a client, and is gone after its window", async () => {
    const [one] = limiters(1) as [RequestLimiter];
    const request = limit(5);
    await one.take(request);
    const stored = await models.RequestLimit.find().lean();
    expect(JSON.stringify(stored)).not.toContain(request.client);
    for (const { startedAt, purgeAt } of stored)
      expect(purgeAt.getTime()).toBeGreaterThan(startedAt.getTime());
  });
});

describe("a database that is away", () => {
  const broken = {
    RequestLimit: { collection: { findOne: () => Promise.reject(new Error("away")) } },
  };
  const silent = { RequestLimit: { collection: { findOne: () => new Promise(() => undefined) } } };

  it.each<[string, object]>([
    ["fails", broken],
    ["never answers", silent],
  ])("leaves the limit to each process: it %s", async (_how, away) => {
    const errors: unknown[] = [];
    const alone = new RequestLimiter(
      away as IdentityModels,
      { ...rules, patienceMs: 20, aloneMs: 60_000 },
      clock,
      (error) => errors.push(error),
    );
    const request = limit(7);
    expect(await many([alone], 50, request)).toBe(7);
    // It is asked once, and not again by each request.
    expect(errors).toHaveLength(1);
    expect((await alone.take(limit(1))).ok).toBe(true);
    expect(errors).toHaveLength(1);
  });
});
