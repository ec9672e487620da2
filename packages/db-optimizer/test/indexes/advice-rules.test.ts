import { describe, expect, test } from "vitest";
import type { Document } from "../../src/core/model.js";
import { redundancyOf, redundantIndexes } from "../../src/indexes/plan/redundant.js";
import { type IndexUse, judgeUse, type UnusedVerdict } from "../../src/indexes/plan/unused.js";
import { actualIndex } from "../support.js";

type Row = [string, Document, Document, Document, Document, boolean];

describe("redundant", () => {
  test.each<Row>([
    ["a field whose name begins the same", { user: 1 }, {}, { userId: 1, x: 1 }, {}, false],
    ["a prefix", { a: 1 }, {}, { a: 1, b: -1 }, {}, true],
    ["a suffix", { b: -1 }, {}, { a: 1, b: -1 }, {}, false],
    ["one field, either direction", { a: -1 }, {}, { a: 1, b: 1 }, {}, true],
    ["all directions mirrored", { a: -1, b: -1 }, {}, { a: 1, b: 1, c: 1 }, {}, true],
    ["some directions mirrored", { a: 1, b: -1 }, {}, { a: 1, b: 1, c: 1 }, {}, false],
    ["a gap", { a: 1, c: 1 }, {}, { a: 1, b: 1, c: 1 }, {}, false],
    ["unique", { a: 1 }, { unique: true }, { a: 1, b: 1 }, {}, false],
    ["becoming unique", { a: 1 }, { prepareUnique: true }, { a: 1, b: 1 }, {}, false],
    ["TTL", { a: 1 }, { expireAfterSeconds: 1 }, { a: 1, b: 1 }, {}, false],
    ["another collation", { a: 1 }, { collation: { locale: "en" } }, { a: 1, b: 1 }, {}, false],
    [
      "the same collation",
      { a: 1 },
      { collation: { locale: "en" } },
      { a: 1, b: 1 },
      { collation: { locale: "en", strength: 3 } },
      true,
    ],
    ["another filter", { a: 1 }, { partialFilterExpression: { x: 1 } }, { a: 1, b: 1 }, {}, false],
    ["covered by a partial one", { a: 1 }, {}, { a: 1, b: 1 }, { partialFilterExpression: { x: 1 } }, false],
    [
      "the same filter",
      { a: 1 },
      { partialFilterExpression: { x: 1 } },
      { a: 1, b: 1 },
      { partialFilterExpression: { x: { $eq: 1 } } },
      true,
    ],
    ["sparse", { a: 1 }, { sparse: true }, { a: 1, b: 1 }, {}, false],
    ["covered by a sparse one", { a: 1 }, {}, { a: 1, b: 1 }, { sparse: true }, false],
    ["hashed", { a: "hashed" }, {}, { a: 1, b: 1 }, {}, false],
    ["covered by hashed", { a: 1 }, {}, { a: "hashed", b: 1 }, {}, false],
    ["text", { _fts: "text", _ftsx: 1 }, { weights: { a: 1 } }, { a: 1, b: 1 }, {}, false],
    ["2dsphere", { a: "2dsphere" }, {}, { a: "2dsphere", b: 1 }, {}, false],
    ["wildcard", { "$**": 1 }, {}, { a: 1, b: 1 }, {}, false],
    ["covered by a hidden one", { a: 1 }, {}, { a: 1, b: 1 }, { hidden: true }, false],
    ["covered by one under construction", { a: 1 }, {}, { a: 1, b: 1 }, { building: true }, false],
  ])("%s", (_name, key, options, otherKey, otherOptions, expected) => {
    const index = actualIndex(key, { ...options, name: "one" });
    const other = actualIndex(otherKey, { ...otherOptions, name: "other" });
    const found = redundantIndexes([index, other]).map((entry) => entry.index.name);
    expect(found).toEqual(expected ? ["one"] : []);
  });

  test("of duplicates the unique one stays, else the one with the lower name", () => {
    const named = (name: string, options: Document = {}) => actualIndex({ a: 1 }, { ...options, name });
    expect(redundantIndexes([named("p"), named("q")])).toMatchObject([
      { index: { name: "q" }, coveredBy: { name: "p" }, why: "duplicate" },
    ]);
    expect(redundantIndexes([named("p"), named("q", { unique: true })])).toMatchObject([
      { index: { name: "p" }, coveredBy: { name: "q" } },
    ]);
  });

  test.each<[string, Document, Document, string | undefined]>([
    ["one field in the opposite direction", { a: 1 }, { a: -1 }, "mirror"],
    ["each field in the opposite direction", { a: 1, b: -1 }, { a: -1, b: 1 }, "mirror"],
    ["one of two in the opposite direction", { a: 1, b: 1 }, { a: 1, b: -1 }, undefined],
    ["the same fields in another order", { a: 1, b: 1 }, { b: 1, a: 1 }, undefined],
  ])("%s", (_name, key, other, why) => {
    const found = redundantIndexes([actualIndex(key, { name: "p" }), actualIndex(other, { name: "q" })]);
    expect(found.map((entry) => [entry.index.name, entry.coveredBy.name, entry.why])).toEqual(
      why ? [["q", "p", why]] : [],
    );
  });

  test("an index that is the same covers before a longer one that comes first", () => {
    const indexes = [
      actualIndex({ a: 1 }, { name: "q" }),
      actualIndex({ a: 1 }, { name: "p", unique: true }),
      actualIndex({ a: 1, b: 1 }, { name: "long" }),
    ];
    for (const given of [indexes, [...indexes].reverse()])
      expect(redundantIndexes(given)).toMatchObject([
        { index: { name: "q" }, coveredBy: { name: "p" }, why: "duplicate" },
      ]);
  });

  test("an index that the server made stays, and covers others", () => {
    const indexes = [
      { ...actualIndex({ a: 1 }, { name: "z" }), serverMade: true as const },
      actualIndex({ a: 1 }, { name: "a" }),
    ];
    expect(redundantIndexes(indexes)).toMatchObject([{ index: { name: "a" }, coveredBy: { name: "z" } }]);
  });

  test("without the shard keys none is called redundant", () => {
    const collections = [
      { collection: "c", indexes: [actualIndex({ a: 1 }), actualIndex({ a: 1, b: 1 })] },
      { collection: "d", indexes: [actualIndex({ a: 1 }), actualIndex({ a: 1, b: 1 })] },
    ];
    expect(redundancyOf(collections, { state: "absent" })).toEqual({
      redundant: [],
      shardKeysUnread: "the server does not tell them",
    });
    expect(
      redundancyOf(collections, { state: "forbidden", reason: "no right to config.collections" }),
    ).toEqual({
      redundant: [],
      shardKeysUnread: "no right to config.collections",
    });
    const sharded = new Map([["c", [{ field: "a", kind: 1 as const }]]]);
    const known = redundancyOf(collections, { state: "known", value: sharded });
    expect(known).toMatchObject({ redundant: [{ index: { keys: [{ field: "a" }] } }] });
    expect(known).not.toHaveProperty("shardKeysUnread");
    expect(known.redundant.map(({ index }) => index)).toEqual([collections[1]?.indexes[0]]);
  });

  test.each([
    ["one", "two", "three"],
    ["z", "y", "x"],
    ["x", "y", "z"],
  ])("what covers is never itself removable, whatever the names: %s, %s, %s", (one, two, three) => {
    const chain = [
      actualIndex({ a: 1 }, { name: one }),
      actualIndex({ a: 1, b: 1 }, { name: two }),
      actualIndex({ a: 1, b: 1, c: 1 }, { name: three }),
    ];
    const found = redundantIndexes(chain);
    expect(found.map(({ index }) => index.name)).toEqual([one, two]);
    expect(found.map(({ coveredBy }) => coveredBy.name)).toEqual([three, three]);
  });

  test("what is redundant is told why, in the order of the indexes", () => {
    const indexes = [
      actualIndex({ a: 1 }, { name: "one" }),
      actualIndex({ b: 1 }, { name: "twin" }),
      actualIndex({ b: 1 }, { name: "same" }),
      actualIndex({ a: 1, b: 1 }, { name: "long" }),
    ];
    expect(
      redundantIndexes(indexes).map(({ index, coveredBy, why }) => [index.name, coveredBy.name, why]),
    ).toEqual([
      ["one", "long", "prefix"],
      ["twin", "same", "duplicate"],
    ]);
  });

  test.each<[string, Document, boolean]>([
    ["hidden", { hidden: true }, false],
    ["under construction", { building: true }, false],
    ["sparse", { sparse: true }, false],
    ["of another collation", { collation: { locale: "en" } }, false],
    ["ready", {}, true],
  ])("a duplicate that is %s", (_what, options, expected) => {
    const indexes = [actualIndex({ a: 1 }, { name: "z" }), actualIndex({ a: 1 }, { ...options, name: "a" })];
    expect(redundantIndexes(indexes).some(({ index }) => index.name === "z")).toBe(expected);
  });

  test("an equal index that is unique or expires is no mere duplicate, and covers a plain one", () => {
    for (const options of [{ unique: true }, { expireAfterSeconds: 5 }]) {
      const indexes = [
        actualIndex({ a: 1 }, { ...options, name: "a" }),
        actualIndex({ a: 1 }, { name: "b" }),
      ];
      const reversed = [...indexes].reverse();
      for (const given of [indexes, reversed]) {
        expect(redundantIndexes(given)).toMatchObject([{ index: { name: "b" }, coveredBy: { name: "a" } }]);
      }
    }
    const hashed = actualIndex({ a: "hashed" }, { name: "a" });
    expect(redundantIndexes([hashed, actualIndex({ a: "hashed" }, { name: "b" })])).toEqual([]);
  });

  test("the index of the shard key stays", () => {
    const indexes = [actualIndex({ a: 1 }), actualIndex({ a: 1, b: 1 })];
    expect(redundantIndexes(indexes, [{ field: "a", kind: 1 }])).toEqual([]);
  });
});

describe("unused", () => {
  const now = new Date("2026-03-10T00:00:00Z");
  const since = (days: number) => new Date(now.getTime() - days * 86_400_000);
  const silent = (days: number, ops = 0): IndexUse => ({ member: "m", ops, since: since(days) });
  interface More {
    options?: Document;
    declared?: boolean;
    members?: number;
    shardKey?: boolean;
  }
  const judged = (use: IndexUse[], { options = {}, ...rest }: More = {}) =>
    judgeUse({
      index: actualIndex({ a: 1 }, options),
      use,
      members: 1,
      declared: false,
      now,
      minimumAgeDays: 7,
      ...rest,
    });

  test.each<[string, IndexUse[], More, UnusedVerdict]>([
    ["a week without a read", [silent(7)], {}, "unused_undeclared"],
    ["less than a week", [silent(6.9)], {}, "too_young"],
    ["a read on any member", [silent(9), silent(9, 1)], { members: 2 }, "used"],
    ["a read, though it is unique", [silent(9, 1)], { options: { unique: true } }, "used"],
    ["the youngest counter decides", [silent(90), silent(1)], { members: 2 }, "too_young"],
    ["a member is silent", [silent(9)], { members: 2 }, "unknown"],
    ["no member answers", [], {}, "unknown"],
    ["none has to answer, and none does", [], { members: 0 }, "unknown"],
    ["declared", [silent(9)], { declared: true }, "unused_declared"],
    ["unique", [silent(9)], { options: { unique: true } }, "kept"],
    ["becoming unique", [silent(9)], { options: { prepareUnique: true } }, "kept"],
    ["TTL", [silent(9)], { options: { expireAfterSeconds: 1 } }, "kept"],
    ["hidden", [silent(9)], { options: { hidden: true } }, "kept"],
    ["building", [silent(9)], { options: { building: true } }, "kept"],
    ["shard key", [silent(9)], { shardKey: true }, "kept"],
  ])("%s", (_name, use, more, expected) => {
    expect(judged(use, more)).toMatchObject({ verdict: expected, use, index: { name: "a_1" } });
  });

  test("the age is that of the youngest counter, never below 0, and absent where none counts", () => {
    expect(judged([silent(90), silent(2.5)]).ageDays).toBe(2.5);
    expect(judged([silent(-3)]).ageDays).toBe(0);
    expect(judged([])).not.toHaveProperty("ageDays");
  });
});
