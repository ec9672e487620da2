import { setTimeout } from "node:timers/promises";
import { Types } from "mongoose";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { duration } from "../src/core/limits.js";
import type {
  IdentityModels,
  SecurityEventInput,
  SecurityEventSubscription,
  SubscribedSecurityEvent,
} from "../src/index.js";
import { queries } from "../src/queries/queries.js";
import { runQuery } from "../src/queries/run-query.js";
import { listSecurityEvents, recordSecurityEvent } from "../src/security-events/events.js";
import { subscribeSecurityEvents } from "../src/security-events/subscribe.js";
import { contextAt } from "./context.js";
import { commandsDuring, useIdentityDatabase } from "./database.js";
import { after, now } from "./moment.js";

const database = useIdentityDatabase();
let models: IdentityModels;
let userId: Types.ObjectId;
beforeAll(() => {
  models = database().models;
});
beforeEach(async () => {
  userId = new Types.ObjectId();
  await models.SecurityEvent.collection.deleteMany({});
});

const record = (input: Partial<SecurityEventInput> = {}, at = now) =>
  recordSecurityEvent(contextAt(models, at), { userId, kind: "new_device", severity: "warning", ...input });

describe("listSecurityEvents", () => {
  it("finds by user, by kind and by time", async () => {
    await record();
    await record({ kind: "login_delayed", severity: "critical" }, after(1_000));
    await record({ userId: new Types.ObjectId() }, after(2_000));
    const kinds = async (input: object) =>
      (await listSecurityEvents(contextAt(models), { userId, ...input })).map(({ kind }) => kind);
    expect(await kinds({})).toEqual(["login_delayed", "new_device"]);
    expect(await kinds({ kind: "new_device" })).toEqual(["new_device"]);
    expect(await kinds({ page: { since: after(1) } })).toEqual(["login_delayed"]);
    const everybody = (input: object) => listSecurityEvents(contextAt(models), input);
    expect((await everybody({})).map(({ at }) => at)).toEqual([after(2_000), after(1_000), now]);
    expect((await everybody({ kind: "new_device" })).map(({ at }) => at)).toEqual([after(2_000), now]);
    expect(await everybody({ severity: "critical" })).toMatchObject([{ kind: "login_delayed" }]);
    for (const other of [{ userId }, { kind: "new_device" }])
      await expect(everybody({ severity: "critical", ...other })).rejects.toMatchObject({
        code: "INVALID_INPUT",
      });
    const period = queries.securityEventsBetween({ from: now, to: after(2_000) });
    expect(await runQuery(models, period)).toHaveLength(2);
  });
});

describe.each(["auto", "polling"] as const)("subscribeSecurityEvents by %s", (transport) => {
  const subscribe = (input: Partial<SecurityEventSubscription> = {}) =>
    subscribeSecurityEvents(contextAt(models), { from: now, transport, pollMs: 20, ...input });

  async function take(subscription: AsyncGenerator<SubscribedSecurityEvent>, count: number) {
    const taken: SubscribedSecurityEvent[] = [];
    while (taken.length < count) taken.push((await subscription.next()).value as SubscribedSecurityEvent);
    return taken;
  }
  const idsOf = (taken: SubscribedSecurityEvent[]) =>
    taken.map(({ event }) => event._id.toHexString()).sort();
  const hex = (recorded: { _id: Types.ObjectId }[]) => recorded.map(({ _id }) => _id.toHexString()).sort();

  it("hands out what is there, then what comes, each once", async () => {
    await record({}, after(-1));
    const before = [await record(), await record({}, after(5))];
    const subscription = subscribe();
    const { result: first, commands } = await commandsDuring(database(), () => take(subscription, 2));
    expect(commands.includes("aggregate")).toBe(transport === "auto"); // a change stream is an aggregate
    const coming = take(subscription, 3);
    const then = await Promise.all([record({}, after(6)), record({}, after(7)), record({}, after(7))]);
    expect(idsOf([...first, ...(await coming)])).toEqual(hex([...before, ...then]));
    await subscription.return();
  });

  it("misses none of 100 that are recorded in parallel with moments in any order", async () => {
    const subscription = subscribe();
    const coming = take(subscription, 100);
    const recorded = await Promise.all(
      Array.from({ length: 100 }, (_, index) => record({}, after(((index * 37) % 100) * 100))),
    );
    expect(idsOf(await coming)).toEqual(hex(recorded));
    await subscription.return();
  });

  it("goes on after a position, with nothing lost that was recorded meanwhile or late", async () => {
    await record();
    const subscription = subscribe();
    const [handled] = await take(subscription, 1);
    await subscription.return();
    const missed = [await record({}, after(3_000)), await record({}, after(-30_000))];
    const resumed = subscribe({ from: handled!.position });
    const ids = new Set<string>();
    while (missed.some(({ _id }) => !ids.has(_id.toHexString()))) {
      const [next] = await take(resumed, 1);
      ids.add(next!.event._id.toHexString());
    }
    await resumed.return();
  });

  it("hands out none of the last hundred again after a position, with what was recorded late", async () => {
    await Promise.all(Array.from({ length: 100 }, (_, index) => record({}, after(index))));
    const subscription = subscribe();
    const handled = await take(subscription, 100);
    await subscription.return();
    const missed = [await record({}, after(3_000)), await record({}, after(-30_000))];
    const resumed = subscribe({ from: handled[99]!.position });
    expect(idsOf(await take(resumed, 2))).toEqual(hex(missed));
    const between = subscribe({ from: handled[49]!.position });
    expect((await take(between, 52)).map(({ event }) => event._id.toHexString()).sort()).toEqual(
      [...idsOf(handled.slice(50)), ...hex(missed)].sort(),
    );
    await Promise.all([resumed.return(), between.return()]);
  });

  it("takes a position of the other transport", async () => {
    await record();
    const other = transport === "auto" ? "polling" : "auto";
    const subscription = subscribe({ transport: other });
    const firsts = take(subscription, 2);
    await record({}, after(1_000));
    const position = (await firsts)[1]!.position;
    await subscription.return();
    const recorded = await record({}, after(2_000));
    const resumed = subscribe({ from: position, overlapMs: 0 });
    let last = (await take(resumed, 1))[0]!;
    while (!last.event._id.equals(recorded._id)) last = (await take(resumed, 1))[0]!;
    await resumed.return();
  });

  it("hands out the kinds and severities that were asked for", async () => {
    await record({ kind: "new_location" });
    await record({ severity: "info" });
    const wanted = await record({ severity: "critical" });
    const subscription = subscribe({ kinds: ["new_device", "risk_high"], minSeverity: "warning" });
    const coming = take(subscription, 2);
    const risky = await record({ kind: "risk_high" }, after(1));
    expect(idsOf(await coming)).toEqual(hex([wanted, risky]));
    await subscription.return();
  });

  it("ends when told to, while it waits and before it began, and leaves no stream open", async () => {
    const controller = new AbortController();
    const subscription = subscribe({ signal: controller.signal });
    const waiting = subscription.next();
    await setTimeout(50);
    controller.abort();
    expect(await waiting).toEqual({ done: true, value: undefined });
    const never = subscribe({ signal: controller.signal });
    expect(await never.next()).toEqual({ done: true, value: undefined });
  });

  it.each([
    ["no position", "x"],
    ["an empty one", ""],
    [
      "one with a query for a token",
      Buffer.from('{"at":"2096-06-01T12:00:00.000Z","token":{"$gt":""}}').toString("base64url"),
    ],
    ["one too long", "A".repeat(5_000)],
    ["an invalid date", new Date(Number.NaN)],
  ])("refuses %s", async (_name, from) => {
    expect(() => subscribe({ from })).toThrow(expect.objectContaining({ code: "INVALID_INPUT" }));
  });

  it("falls back to the moment of a position whose token the server does not know", async () => {
    const recorded = await record({}, after(duration.second));
    const token = { _data: "826000000000000000000000000000000000" };
    const from = Buffer.from(JSON.stringify({ at: now.toISOString(), token })).toString("base64url");
    const [next] = await take(subscribe({ from }), 1);
    expect(next?.event._id).toEqual(recorded._id);
  });
});

describe("a stream that the server ends", () => {
  // Source: MongoDB's manual, "Change Events": `invalidate` closes the cursor after drop, rename and dropDatabase, and
  // `resumeAfter` can't resume behind it. The driver then answers `null` without asking the server.
  it("is reopened, with what was recorded meanwhile, and obeys its signal", async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const subscription = subscribeSecurityEvents(contextAt(models), { from: now, pollMs: 20, signal });
    const first = subscription.next();
    await record();
    await first;
    for (let round = 1; round <= 2; round++) {
      const next = subscription.next();
      await models.SecurityEvent.collection.drop();
      const { _id } = await record({}, after(round));
      expect(await next).toMatchObject({ value: { event: { _id } } });
    }
    const waiting = subscription.next();
    await models.SecurityEvent.collection.drop();
    controller.abort();
    expect(await waiting).toEqual({ done: true, value: undefined });
    await models.SecurityEvent.createIndexes();
  });

  it("is read on from the last event when the oplog no longer reaches back to it", async () => {
    const lost = Object.assign(new Error("history lost"), { code: 286 });
    const { collection } = models.SecurityEvent;
    let opened = 0;
    const watch = () => {
      opened += 1;
      return opened === 1
        ? {
            closed: false,
            tryNext: () => (opened++ === 1 ? null : Promise.reject(lost)),
            close: async () => {},
          }
        : collection.watch([], { maxAwaitTimeMS: 20 });
    };
    const playing = { find: collection.find.bind(collection), watch };
    const played = { ...models, SecurityEvent: { collection: playing } } as unknown as IdentityModels;
    const subscription = subscribeSecurityEvents(contextAt(played), { from: now, pollMs: 20 });
    const missed = subscription.next();
    const { _id } = await record();
    expect(await missed).toMatchObject({ value: { event: { _id } } });
    await subscription.return();
  });
});

describe("a subscriber that is slow", () => {
  // Source: MongoDB's manual, cursor timeout: a cursor that nobody reads from for ten minutes is closed.
  it("keeps no cursor open while it works, and gets each of many events of one moment once", async () => {
    const template = await record({}, after(-1));
    const events = Array.from({ length: 1_200 }, () => ({ ...template, _id: new Types.ObjectId(), at: now }));
    await models.SecurityEvent.collection.insertMany(events);
    const subscription = subscribeSecurityEvents(contextAt(models), {
      from: now,
      transport: "polling",
      pollMs: 1,
    });
    const seen = new Set<string>();
    const { commands } = await commandsDuring(database(), async () => {
      for (let n = 0; n < events.length; n++) {
        const next = (await subscription.next()).value as SubscribedSecurityEvent;
        seen.add(next.event._id.toHexString());
      }
    });
    expect(seen.size).toBe(events.length);
    expect(new Set(commands)).toEqual(new Set(["find"]));
    await subscription.return();
  });
});

describe("a flood of events within the overlap", () => {
  it("is handed out once, and what comes after it too", async () => {
    const template = await record({}, after(-1));
    const flood = Array.from({ length: 10_500 }, (_, index) => ({
      ...template,
      _id: new Types.ObjectId(),
      at: after(index),
    }));
    await models.SecurityEvent.collection.insertMany(flood);
    const subscription = subscribeSecurityEvents(contextAt(models), {
      from: now,
      transport: "polling",
      pollMs: 1,
    });
    const ids: string[] = [];
    const read = async () => {
      const next = (await subscription.next()).value as SubscribedSecurityEvent;
      ids.push(next.event._id.toHexString());
    };
    while (ids.length < flood.length) await read();
    expect(new Set(ids).size).toBe(flood.length);
    const { _id } = await record({}, after(flood.length));
    while (ids.at(-1) !== _id.toHexString()) await read();
    expect(ids).toHaveLength(flood.length + 1);
    await subscription.return();
  });
});

describe("on a server without change streams", () => {
  function refusing(code: number): IdentityModels {
    const { collection } = models.SecurityEvent;
    const refused = Object.assign(new Error("refused"), { code });
    const watch = () => ({ tryNext: () => Promise.reject(refused), close: () => Promise.resolve() });
    const without = { find: collection.find.bind(collection), watch };
    return { ...models, SecurityEvent: { collection: without } } as unknown as IdentityModels;
  }

  it.each([
    ["a standalone", 40573],
    ["a server that does not know them", 40324],
    ["a user who may not", 13],
  ])("%s polls", async (_name, code) => {
    const subscription = subscribeSecurityEvents(contextAt(refusing(code)), { from: now, pollMs: 10 });
    const first = subscription.next();
    const { _id } = await record();
    expect(await first).toMatchObject({ value: { event: { _id } } });
    await subscription.return();
  });

  it("but hands on what is no such refusal", async () => {
    const subscription = subscribeSecurityEvents(contextAt(refusing(11_602)), { from: now });
    await expect(subscription.next()).rejects.toMatchObject({ code: 11_602 });
  });
});
