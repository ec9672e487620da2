import { mongo, Types } from "mongoose";
import { describe, expect, it } from "vitest";
import { applyChange } from "../src/session-cache/apply-change.js";
import { TrustedCache } from "../src/session-cache/cache.js";
import { type Change, effectOf } from "../src/session-cache/changes.js";
import { Heartbeats } from "../src/session-cache/heartbeats.js";
import { Table } from "../src/session-cache/table.js";

const sessions = "user_sessions";
const _id = new Types.ObjectId();
const ofSession = `${sessions}._id=${_id.toHexString()}`;

describe("a change in the stream", () => {
  const instance = new Types.ObjectId();
  const heartbeats = { collection: "cache_heartbeats", instance };
  const update = (updateDescription: object): Change => ({
    operationType: "update",
    ns: { coll: sessions },
    documentKey: { _id },
    updateDescription,
  });
  const drop = { kind: "drop", subjects: [ofSession] };
  const none = { kind: "none" };
  const reset = { kind: "reset" };

  it.each<[string, Change, unknown]>([
    ["of use alone does nothing", update({ updatedFields: { lastSeenAt: 1, "apiUsage.requests": 2 } }), none],
    ["of another field drops", update({ updatedFields: { lastSeenAt: 1, "risk.level": "high" } }), drop],
    [
      "that takes a field away drops",
      update({ updatedFields: { lastSeenAt: 1 }, removedFields: ["slot"] }),
      drop,
    ],
    ["that shortens a list drops", update({ truncatedArrays: [{ field: "rotations", newSize: 0 }] }), drop],
    ["without its fields drops", { ...update({}), updateDescription: undefined } as unknown as Change, drop],
    ["of a whole document drops", { ...update({}), operationType: "replace" }, drop],
    ["that deletes drops", { ...update({}), operationType: "delete" }, drop],
    ["that inserts does nothing", { ...update({}), operationType: "insert" }, none],
    ["that takes a harmless field away drops", update({ removedFields: ["purgeAt"] }), drop],
    [
      "that nobody has heard of resets, whatever it is about",
      { ...update({}), operationType: "modify" },
      reset,
    ],
    ["that ends the stream resets", { operationType: "invalidate" }, reset],
    [
      "that ends it with another collection's name resets",
      { operationType: "invalidate", ns: { coll: "x" } },
      reset,
    ],
    [
      "that shortens a list that is read drops",
      { ...update({ truncatedArrays: [{ field: "status" }] }), ns: { coll: "users" } },
      { kind: "drop", subjects: [`users._id=${_id.toHexString()}`] },
    ],
    [
      "that shortens one that is not read does nothing",
      { ...update({ truncatedArrays: [{ field: "roles" }] }), ns: { coll: "users" } },
      none,
    ],
    [
      "that removes its heartbeat does nothing",
      { operationType: "delete", ns: { coll: "cache_heartbeats" }, documentKey: { _id: instance } },
      none,
    ],
    [
      "of its heartbeat without its fields is the whole one's echo",
      {
        operationType: "update",
        ns: { coll: "cache_heartbeats" },
        documentKey: { _id: instance },
        updateDescription: {},
        fullDocument: { beats: 4 },
      },
      { kind: "echo", number: 4 },
    ],
    ["that drops the collection resets", { operationType: "drop", ns: { coll: sessions } }, reset],
    [
      "that renames it resets",
      { operationType: "rename", ns: { coll: sessions }, to: { coll: "old" } },
      reset,
    ],
    [
      "that puts another in its place resets",
      { operationType: "rename", ns: { coll: "new" }, to: { coll: sessions } },
      reset,
    ],
    ["that drops the database resets", { operationType: "dropDatabase", ns: {} }, reset],
    ["that nobody has heard of resets", { operationType: "modify", ns: { coll: sessions } }, reset],
    ["of no known document resets", { operationType: "update", ns: { coll: sessions } }, reset],
    [
      "of a field that is not read does nothing",
      {
        ...update({ updatedFields: { "profile.bio": 1 }, removedFields: ["purgeAt"] }),
        ns: { coll: "users" },
      },
      none,
    ],
    [
      "of one that is read drops",
      { ...update({ updatedFields: { status: 1 } }), ns: { coll: "users" } },
      { kind: "drop", subjects: [`users._id=${_id.toHexString()}`] },
    ],
    ["of another collection does nothing", { operationType: "drop", ns: { coll: "orders" } }, none],
    [
      "of another instance's heartbeat does nothing",
      {
        operationType: "update",
        ns: { coll: "cache_heartbeats" },
        documentKey: { _id },
        updateDescription: { updatedFields: { beats: 3 } },
      },
      none,
    ],
    [
      "of its heartbeat is an echo",
      {
        operationType: "replace",
        ns: { coll: "cache_heartbeats" },
        documentKey: { _id: instance },
        fullDocument: { beats: 3 },
      },
      { kind: "echo", number: 3 },
    ],
  ])("%s", (_name, change, effect) => {
    expect(effectOf(change, heartbeats)).toEqual(effect);
  });
});

describe("a change that is applied", () => {
  const instance = new Types.ObjectId();
  const origin = { collection: "cache_heartbeats", instance };
  const clusterTime = new mongo.Timestamp({ t: 1, i: 1 });
  const made = async () => {
    const clock = { now: { monotonic: 0, wall: 0 } };
    const clocks = { now: () => clock.now };
    const rules = { boundMs: 1_000, proof: "read", idleMs: 1, maxEntries: 9, maxBytes: 99 } as const;
    const cache = new TrustedCache(rules, clocks);
    cache.announced();
    const table = new Table<number>(cache);
    const keep = { value: 1, subjects: [ofSession], bytes: 1 };
    await table.fill(
      "a",
      () => true,
      async () => ({ result: 1, keep }),
    );
    const heartbeats = new Heartbeats(clocks);
    const apply = (change: Partial<Change>, signed?: mongo.ClusterTime) =>
      applyChange(cache, heartbeats, origin, { operationType: "update", ...change }, signed);
    return { cache, clock, heartbeats, apply, remembers: () => table.recall("a", () => true) !== undefined };
  };
  const ofOther = { ns: { coll: sessions }, documentKey: { _id: new Types.ObjectId() } };
  const echo = { ns: { coll: "cache_heartbeats" }, documentKey: { _id: instance } };

  it("drops what it is about, and moves the place that reads have to have seen", async () => {
    const { cache, apply, remembers } = await made();
    const signed = { clusterTime } as mongo.ClusterTime;
    apply({ ...ofOther, clusterTime }, signed);
    expect([remembers(), cache.position]).toEqual([true, { clusterTime, signed }]);
    apply({ ...ofOther, documentKey: { _id } });
    // Without a time it moves nothing.
    expect([remembers(), cache.position]).toEqual([false, { clusterTime, signed }]);
    expect(cache.counts).toMatchObject({ events: 2, epochs: 0, echoes: 0 });
  });

  it("empties memory where the stream has a gap, and goes on from there", async () => {
    const { cache, apply, remembers } = await made();
    apply({ operationType: "drop", ns: { coll: sessions }, clusterTime });
    expect([remembers(), cache.counts.epochs, cache.position?.clusterTime]).toEqual([false, 1, clusterTime]);
  });

  it("vouches for memory from the moment before its heartbeat was sent, if it is known", async () => {
    const { cache, clock, heartbeats, apply } = await made();
    const number = heartbeats.next();
    clock.now = { monotonic: 50, wall: 50 };
    apply({ ...echo, fullDocument: { beats: number + 1 } });
    expect(cache.trust.echo).toBeUndefined();
    const second = heartbeats.next();
    clock.now = { monotonic: 90, wall: 90 };
    apply({ ...echo, fullDocument: { beats: second } });
    expect(cache.trust.echo).toEqual({ monotonic: 50, wall: 50 });
    expect(cache.counts).toMatchObject({ echoes: 1, echoMs: 40 });
  });
});
