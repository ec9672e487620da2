import { setTimeout } from "node:timers/promises";
import { allNeed, useTemporaryDatabase } from "@org/dev-kit/vitest";
import { mongo } from "mongoose";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { parseRules } from "../../src/cleanup/parse-rules.js";
import { ruleFilter } from "../../src/cleanup/rules.js";
import { runCleanup } from "../../src/cleanup/runner.js";
import type { PaceLimits } from "../../src/jobs/pacing/pace.js";
import { Pacer } from "../../src/jobs/pacing/pacer.js";

const now = new Date("2025-06-01T00:00:00.000Z");
const daysAgo = (days: number) => new Date(now.getTime() - days * 86_400_000);
const rule = { name: "old-logs", collection: "logs", field: "at", retentionSeconds: 30 * 86_400 };
const fast = { maxSlowdown: Number.POSITIVE_INFINITY };

describe("parseRules", () => {
  it.each<[string, unknown, RegExp]>([
    ["no list", { ...rule }, /rules/],
    ["no field", [{ ...rule, field: undefined }], /0\.field/],
    ["a negative retention", [{ ...rule, retentionSeconds: -1 }], /0\.retentionSeconds/],
    [
      "an endless retention",
      [{ ...rule, retentionSeconds: Number.POSITIVE_INFINITY }],
      /0\.retentionSeconds/,
    ],
    ["an unknown action", [{ ...rule, action: "shred" }], /0\.action: is "delete", \{ archiveToFile \}/],
    ["an unknown key", [{ ...rule, olderThan: 1 }], /olderThan/],
    ["a name with a space", [{ ...rule, name: "old logs" }], /0\.name/],
    ["two of one name", [rule, rule], /Two cleanup rules/],
    ["a condition with a value that is undefined", [{ ...rule, where: { level: undefined } }], /undefined/],
    ["a collection of the server's own", [{ ...rule, collection: "system.users" }], /0\.collection/],
    ["this package's own collections", [{ ...rule, collection: "org_db_leases" }], /0\.collection/],
    ["an archive of itself", [{ ...rule, action: { archiveToCollection: "logs" } }], /into itself/],
    [
      "one archive of two collections",
      ["logs", "events"].map((collection) => ({
        ...rule,
        name: collection,
        collection,
        action: { archiveToCollection: "old" },
      })),
      /archive of logs already/,
    ],
    ["an anonymisation of nothing", [{ ...rule, action: { anonymise: {} } }], /names no field/],
    ["one of the date", [{ ...rule, action: { anonymise: { unset: ["at"] } } }], /"at" and "at"/],
    ["one of the id", [{ ...rule, action: { anonymise: { set: { "_id.x": 1 } } } }], /"_id.x" and "_id"/],
    ["one of its mark", [{ ...rule, action: { anonymise: { unset: ["m"], mark: "m" } } }], /"m" and "m"/],
    [
      "one of a field and a part of it",
      [{ ...rule, action: { anonymise: { set: { a: 1 }, unset: ["a.b"] } } }],
      /"a" and "a.b"/,
    ],
    ["one of an operator", [{ ...rule, action: { anonymise: { set: { $x: 1 } } } }], /not a field/],
  ])("refuses %s", (_name, rules, message) => {
    expect(() => parseRules(rules)).toThrow(
      expect.objectContaining({ code: "INVALID_RULE", message: expect.stringMatching(message) }),
    );
  });

  it("makes a filter of dates only", () => {
    const [parsed] = parseRules([{ ...rule, where: { level: "debug" } }]);
    expect(ruleFilter(parsed!, now)).toEqual({
      at: { $lt: daysAgo(30) },
      $and: [{ level: "debug" }],
    });
  });
});

describe("runCleanup", () => {
  allNeed("clusterMonitoring");
  const database = useTemporaryDatabase({ label: "cleanup", per: "test" });
  const logs = () => database.connection.db!.collection("logs");

  beforeEach(async () => {
    const documents = Array.from({ length: 3_000 }, (_, index) => ({
      at: daysAgo(index < 2_000 ? 31 + (index % 60) : index % 30),
      level: index % 2 ? "debug" : "error",
    }));
    await logs().insertMany(documents);
    await logs().createIndex({ at: 1 }, { name: "at" });
  });

  it("counts and writes nothing without `run`", async () => {
    const report = await runCleanup(database.connection, [rule], { now });
    expect(report).toMatchObject({ dryRun: true, stopped: false, latency: null });
    expect(report.rules[0]).toMatchObject({ matched: 2_000, deleted: 0, batches: 0, index: "at" });
    expect(report.rules[0]!.matchedBytes).toBeGreaterThan(0);
    expect(await logs().countDocuments()).toBe(3_000);
  });

  it("removes exactly what the rule names, in batches, and reports the impact", async () => {
    const progress: number[] = [];
    const query = { name: "newest", collection: "logs", filter: {}, sort: { at: -1 }, limit: 5 } as const;
    const report = await runCleanup(database.connection, [rule], {
      now,
      run: true,
      limits: { ...fast, maxBatch: 500 },
      queries: [query],
      onProgress: ({ done }) => progress.push(done),
    });
    expect(report.rules[0]).toMatchObject({ matched: 2_000, deleted: 2_000, batches: 4 });
    expect(progress).toEqual([500, 1_000, 1_500, 2_000]);
    expect(report.collections).toMatchObject([
      { collection: "logs", before: { documents: 3_000 }, after: { documents: 1_000 } },
    ]);
    expect(report.latency?.before.samples).toBe(5);
    expect(report.latency?.during.samples).toBeGreaterThan(0);
    expect(await logs().countDocuments({ at: { $lt: daysAgo(30) } })).toBe(0);
    const again = await runCleanup(database.connection, [rule], { now, run: true });
    expect(again.rules[0]).toMatchObject({ matched: 0, deleted: 0 });
  });

  it("keeps what the further condition does not match, and what is no date", async () => {
    await logs().insertMany([
      { at: "2001-01-01" },
      { at: null },
      { at: 0 },
      { at: new mongo.Timestamp({ t: 1, i: 1 }) },
      { at: mongo.ObjectId.createFromTime(1) },
      { at: { year: 2001 } },
      { at: [] },
      {},
    ]);
    const report = await runCleanup(database.connection, [{ ...rule, where: { level: "debug" } }], {
      now,
      run: true,
      limits: fast,
    });
    expect(report.rules[0]).toMatchObject({ matched: 1_000, deleted: 1_000 });
    expect(await logs().countDocuments({ level: "error" })).toBe(1_500);
    expect(await logs().countDocuments()).toBe(2_008);
  });

  it("leaves a document that was changed after it was selected", async () => {
    const recent = await logs().countDocuments({ at: { $gte: daysAgo(30) } });
    let changed: Promise<unknown> | undefined;
    const report = await runCleanup(database.connection, [rule], {
      now,
      run: true,
      // A pause long enough for the change to be made between two batches of one selection.
      limits: { maxSlowdown: Number.POSITIVE_INFINITY, maxShare: 0.2, maxBatch: 400 },
      onProgress: () => {
        changed ??= logs().updateMany({ at: { $lt: daysAgo(40) } }, { $set: { at: now } });
      },
    });
    await changed;
    const { deleted } = report.rules[0]!;
    expect(deleted).toBeGreaterThanOrEqual(400);
    expect(deleted).toBeLessThan(2_000);
    expect(await logs().countDocuments()).toBe(3_000 - deleted);
    expect(await logs().countDocuments({ at: { $gte: daysAgo(30) } })).toBe(recent + 2_000 - deleted);
  });

  describe("beside an application's reads", () => {
    /** Reads by `_id` become slow with the first batch. */
    function slowReadsDown(collection: string) {
      const { findOne, deleteMany } = mongo.Collection.prototype;
      let reads = 0;
      let isSlow = false;
      const slowed = async function (this: mongo.Collection, ...given: unknown[]) {
        if (this.collectionName === collection) reads += 1;
        if (this.collectionName === collection && isSlow) await setTimeout(60);
        return (findOne as (...given: unknown[]) => unknown).apply(this, given);
      };
      vi.spyOn(mongo.Collection.prototype, "findOne").mockImplementation(slowed as typeof findOne);
      vi.spyOn(mongo.Collection.prototype, "deleteMany").mockImplementation(function (
        this: mongo.Collection,
        ...given: Parameters<typeof deleteMany>
      ) {
        isSlow ||= this.collectionName === collection;
        return deleteMany.apply(this, given);
      });
      return () => reads;
    }
    afterEach(() => vi.restoreAllMocks());

    async function sizesOf(limits: Partial<PaceLimits>): Promise<number[]> {
      const sizes: number[] = [];
      const onProgress = ({ batchSize }: { batchSize: number }) => void sizes.push(batchSize);
      const report = await runCleanup(database.connection, [rule], { now, run: true, limits, onProgress });
      expect(report.rules[0]).toMatchObject({ deleted: 2_000 });
      return sizes;
    }

    it("makes smaller batches and rests long while they are held up", async () => {
      slowReadsDown("logs");
      const rest = vi.spyOn(Pacer.prototype, "rest").mockResolvedValue();
      const sizes = await sizesOf({ maxBatch: 400 });
      expect(sizes.slice(0, 4)).toContain(100);
      expect(Math.min(...sizes)).toBe(100);
      // Between any two batches, and not after the last.
      expect(rest).toHaveBeenCalledTimes(sizes.length - 1);
      expect(rest.mock.calls.slice(1).every(([ms]) => ms >= 2_000)).toBe(true);
    });

    it("reads nothing and grows when told that no slowdown is too much", async () => {
      const reads = slowReadsDown("logs");
      expect((await sizesOf({ maxSlowdown: Number.POSITIVE_INFINITY }))[0]).toBeGreaterThan(400);
      expect(reads()).toBe(0);
    });
  });

  it("stops after the batch under way when told to, and goes on when run again", async () => {
    const controller = new AbortController();
    const options = { now, run: true, limits: { ...fast, maxBatch: 200 } };
    const first = await runCleanup(database.connection, [rule, { ...rule, name: "later" }], {
      ...options,
      signal: controller.signal,
      onProgress: ({ done }) => {
        if (done >= 400) controller.abort();
      },
    });
    // Of the second rule, which it did not come to, nothing is told, for nothing was counted.
    expect(first).toMatchObject({ stopped: true, rules: [{ deleted: 400 }] });
    const second = await runCleanup(database.connection, [rule], options);
    expect(second.rules[0]).toMatchObject({ matched: 1_600, deleted: 1_600 });
  });

  it("refuses a rule without an index before anything is written, unless a scan is allowed", async () => {
    const unindexed = { ...rule, name: "scan", field: "seenAt" };
    const refused = runCleanup(database.connection, [rule, unindexed], { now, run: true });
    await expect(refused).rejects.toMatchObject({
      code: "RULE_NEEDS_INDEX",
      details: { rule: "scan" },
      message: expect.stringMatching(/Create one: db\.logs\.createIndex\(\{ seenAt: 1 \}\)$/),
    });
    expect(await logs().countDocuments()).toBe(3_000);
    await logs().updateMany({ level: "debug" }, { $set: { seenAt: daysAgo(90) } });
    const options = { now, run: true, allowCollectionScan: true, limits: fast };
    const allowed = await runCleanup(database.connection, [unindexed], options);
    expect(allowed.rules[0]).toMatchObject({ deleted: 1_500, index: null });
  });

  it("takes neither a hidden nor a partial index for one", async () => {
    const collection = database.connection.db!.collection("partial");
    await collection.insertOne({ at: daysAgo(90) });
    await collection.createIndex({ at: 1 }, { partialFilterExpression: { level: "debug" } });
    const refused = runCleanup(database.connection, [{ ...rule, collection: "partial" }], { now });
    await expect(refused).rejects.toMatchObject({ code: "RULE_NEEDS_INDEX" });
  });

  it("finds nothing to do in a collection that does not exist", async () => {
    const report = await runCleanup(database.connection, [{ ...rule, collection: "nowhere" }], {
      now,
      run: true,
    });
    expect(report.rules[0]).toMatchObject({ matched: 0, deleted: 0 });
  });

  it("lets one of two at once run, and tells the other", async () => {
    const options = { now, run: true, limits: { ...fast, maxBatch: 200 } };
    const ended = await Promise.allSettled([
      runCleanup(database.connection, [rule], options),
      runCleanup(database.connection, [rule], options),
    ]);
    expect(ended.filter(({ status }) => status === "rejected")).toMatchObject([
      { reason: { code: "LOCKED" } },
    ]);
    expect(await logs().countDocuments()).toBe(1_000);
  });

  it("refuses a clock that is ahead of the server's: to it every document would be old", async () => {
    const ahead = new Date(Date.now() + 365 * 86_400_000);
    const refused = runCleanup(database.connection, [rule], { now: ahead, run: true });
    await expect(refused).rejects.toMatchObject({ code: "CLOCK_AHEAD" });
    expect(await logs().countDocuments()).toBe(3_000);
  });
});
