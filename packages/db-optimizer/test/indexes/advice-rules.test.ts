import { describe, expect, test } from "vitest";
import type { Document } from "../../src/core/model.js";
import { redundantIndexes } from "../../src/indexes/plan/redundant.js";
import { type IndexUse, judgeUse } from "../../src/indexes/plan/unused.js";
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

  test("what covers is never itself removable", () => {
    const chain = [
      actualIndex({ a: 1 }, { name: "one" }),
      actualIndex({ a: 1, b: 1 }, { name: "two" }),
      actualIndex({ a: 1, b: 1, c: 1 }, { name: "three" }),
    ];
    const found = redundantIndexes(chain);
    expect(found.map(({ index }) => index.name)).toEqual(["one", "two"]);
    expect(found.map(({ coveredBy }) => coveredBy.name)).toEqual(["three", "three"]);
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
  const judge = (
    use: IndexUse[],
    {
      options = {},
      ...rest
    }: { options?: Document; declared?: boolean; members?: number; shardKey?: boolean } = {},
  ) =>
    judgeUse({
      index: actualIndex({ a: 1 }, options),
      use,
      members: 1,
      declared: false,
      now,
      minimumAgeDays: 7,
      ...rest,
    }).verdict;

  test.each<[string, ReturnType<typeof judge>, ReturnType<typeof judge>]>([
    ["a week without a read", judge([silent(7)]), "unused_undeclared"],
    ["less than a week", judge([silent(6.9)]), "too_young"],
    ["a read on any member", judge([silent(9), silent(9, 1)], { members: 2 }), "used"],
    ["the youngest counter decides", judge([silent(90), silent(1)], { members: 2 }), "too_young"],
    ["a member is silent", judge([silent(9)], { members: 2 }), "unknown"],
    ["no member answers", judge([]), "unknown"],
    ["declared", judge([silent(9)], { declared: true }), "unused_declared"],
    ["unique", judge([silent(9)], { options: { unique: true } }), "kept"],
    ["TTL", judge([silent(9)], { options: { expireAfterSeconds: 1 } }), "kept"],
    ["hidden", judge([silent(9)], { options: { hidden: true } }), "kept"],
    ["building", judge([silent(9)], { options: { building: true } }), "kept"],
    ["shard key", judge([silent(9)], { shardKey: true }), "kept"],
  ])("%s", (_name, verdict, expected) => {
    expect(verdict).toBe(expected);
  });
});
