import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Document } from "../../src/core/model.js";
import type { IndexKey } from "../../src/indexes/spec.js";
import type { QueryPlan } from "../../src/queries/explain.js";
import { shapeOf } from "../../src/queries/shape.js";
import { screen } from "../../src/workload/analysis.js";
import { candidate, candidatesFor, queryFields, servesAs } from "../../src/workload/candidates.js";
import { consolidate, type Serving } from "../../src/workload/consolidate.js";
import { namedLoad, rankWorkload, recordedLoad, workOf } from "../../src/workload/load.js";
import { percent } from "../../src/workload/try-out.js";

const keysOf = (key: Record<string, 1 | -1>): IndexKey[] =>
  Object.entries(key).map(([field, kind]) => ({ field, kind }));
const text = (keys: readonly IndexKey[]) =>
  keys.map(({ field, kind }) => `${kind === -1 ? "-" : ""}${field}`).join(" ");

const plan: QueryPlan = {
  indexes: [],
  stages: ["COLLSCAN"],
  collectionScan: true,
  blockingSort: false,
  keysExamined: 0,
  docsExamined: 1_000,
  returned: 10,
  millis: 5,
};

test("what is nearly all is not called all", () => {
  expect([0.29, 0.9, 0.9997, 1].map(percent)).toEqual(["29 %", "90 %", "99 %", "100 %"]);
});

describe("candidates", () => {
  const cardinality = { a: 2, b: 500, c: 30, r: 900 };
  const candidates = (filter: Document, sort: Record<string, 1 | -1> = {}) => {
    const fields = queryFields({ find: "things", filter }, { sort });
    return candidatesFor("things", fields, cardinality, null).map(({ index }) => text(index.keys));
  };

  test.each<[string, Document, Record<string, 1 | -1>, string[]]>([
    ["one field", { a: 1 }, {}, ["a"]],
    ["equality by falling cardinality, each prefix", { a: 1, b: 2, c: 3 }, {}, ["b", "b c", "b c a"]],
    [
      "equality, sort, range, and the range instead of the sort",
      { a: 1, r: { $gt: 1 } },
      { s: -1 },
      ["a", "a -s", "a r", "a -s r"],
    ],
    ["the sort alone", {}, { s: -1 }, ["-s"]],
    ["a range that is sorted by", { r: { $gt: 1 } }, { r: 1 }, ["r"]],
    ["a sort by what is equal anyway", { a: 1 }, { a: 1, s: 1 }, ["a", "a s"]],
    ["_id has its index", { _id: 1 }, {}, []],
    ["an $or is no field", { $or: [{ a: 1 }, { b: 1 }] }, {}, []],
  ])("%s", (_name, filter, sort, expected) => {
    expect(candidates(filter, sort)).toEqual(expected);
  });

  test("no more than four fields of equality, whatever is compared", () => {
    const many = Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`f${n}`, n]));
    expect(Math.max(...candidates(many).map((keys) => keys.split(" ").length))).toBe(4);
  });
});

describe("an index does another's work", () => {
  const of = (key: Record<string, 1 | -1>) => candidate("things", keysOf(key), 0, null).index;
  test.each<[string, Record<string, 1 | -1>, Record<string, 1 | -1>, boolean]>([
    ["longer", { a: 1, b: 1 }, { a: 1 }, true],
    ["the same", { a: 1 }, { a: 1 }, true],
    ["mirrored", { a: -1, b: 1 }, { a: 1, b: -1 }, true],
    ["half mirrored", { a: -1, b: 1 }, { a: 1, b: 1 }, false],
    ["shorter", { a: 1 }, { a: 1, b: 1 }, false],
    ["another order", { b: 1, a: 1 }, { a: 1 }, false],
  ])("%s", (_name, other, index, expected) => {
    expect(servesAs(of(other), of(index))).toBe(expected);
  });

  test("not when it leaves documents out, or compares otherwise", () => {
    expect(servesAs({ ...of({ a: 1, b: 1 }), sparse: true }, of({ a: 1 }))).toBe(false);
    expect(servesAs({ ...of({ a: 1 }), partialFilterExpression: { x: 1 } }, of({ a: 1 }))).toBe(false);
    const english = { ...of({ a: 1 }), collation: { locale: "en" } as never };
    expect(servesAs(english, of({ a: 1 }))).toBe(false);
  });
});

describe("consolidation", () => {
  const serving = (query: string, key: Record<string, 1 | -1>, equality: number): Serving => ({
    ...candidate("things", keysOf(key), equality, null),
    queries: [query],
  });
  const outcome = (...all: Serving[]) => {
    const { kept, merged } = consolidate(all);
    return {
      kept: kept.map(({ index, queries }) => `${text(index.keys)}: ${[...queries].sort().join()}`),
      merged: merged.map(
        ({ candidate: from, into }) => `${text(from.index.keys)} > ${text(into.index.keys)}`,
      ),
    };
  };

  test("a prefix is merged into what begins with it", () => {
    expect(outcome(serving("p", { a: 1 }, 1), serving("q", { a: 1, b: 1 }, 2))).toEqual({
      kept: ["a b: p,q"],
      merged: ["a > a b"],
    });
  });

  test("fields of equality are turned so that the shorter one is a prefix", () => {
    expect(outcome(serving("p", { b: 1 }, 1), serving("q", { a: 1, b: 1, s: -1 }, 2)).kept).toEqual([
      "b a -s: p,q",
    ]);
    const chain = [
      serving("p", { c: 1 }, 1),
      serving("q", { b: 1, c: 1 }, 2),
      serving("r", { a: 1, b: 1, c: 1 }, 3),
    ];
    expect(outcome(...chain).kept).toEqual(["c b a: p,q,r"]);
  });

  test("the sort and the range keep their place", () => {
    expect(outcome(serving("p", { s: 1 }, 1), serving("q", { a: 1, s: 1 }, 1)).kept).toEqual([
      "a s: q",
      "s: p",
    ]);
  });

  test("the same index is advised once, for both", () => {
    expect(outcome(serving("p", { a: 1 }, 1), serving("q", { a: 1 }, 1))).toEqual({
      kept: ["a: p,q"],
      merged: [],
    });
  });

  test("no query is lost, and nothing that is kept does another's work", () => {
    const fields = fc.uniqueArray(fc.constantFrom("a", "b", "c", "d"), { minLength: 1, maxLength: 4 });
    const any = fc.array(fc.tuple(fields, fc.nat(4)), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(any, (lists) => {
        const all = lists.map(([names, equality], at) =>
          serving(
            `q${at}`,
            Object.fromEntries(names.map((name) => [name, 1 as const])),
            Math.min(equality, names.length),
          ),
        );
        const { kept } = consolidate(all);
        expect(new Set(kept.flatMap(({ queries }) => queries)).size).toBe(all.length);
        for (const one of kept)
          for (const other of kept) if (one !== other) expect(servesAs(one.index, other.index)).toBe(false);
      }),
    );
  });
});

describe("workload", () => {
  const query = { name: "q", collection: "things", filter: { a: 1 } };

  test("is ranked by the bytes that are read and not returned", () => {
    const small = namedLoad({ ...query, name: "small" }, plan);
    const big = namedLoad({ ...query, name: "big", collection: "others" }, plan);
    const ranked = rankWorkload(
      [small, big],
      new Map([
        ["things", 10],
        ["others", 1_000],
      ]),
    );
    expect(ranked.map(({ name, wastedBytes }) => [name, wastedBytes])).toEqual([
      ["big", 990_000],
      ["small", 9_900],
    ]);
  });

  test("a named query that was recorded as well is one query, with its name and its traffic", () => {
    const command = { find: "things", filter: { a: 7 }, lsid: 1 };
    const shape = shapeOf("find", "things", command);
    const recorded = { shape, command, count: 40, maxMillis: 9, totalMillis: 99, lastAt: new Date(0), plan };
    const ranked = rankWorkload([namedLoad(query, plan), ...recordedLoad(recorded)], new Map());
    expect(ranked).toMatchObject([{ name: "q", executions: 40, wastedDocuments: 40 * 990 }]);
  });

  test("the same shape with another collation is another query", () => {
    const french = { ...query, name: "french", collation: { locale: "fr" } };
    expect(rankWorkload([namedLoad(query, plan), namedLoad(french, plan)], new Map())).toHaveLength(2);
  });

  test("a hint is left out: it would keep the better index from being chosen", () => {
    expect(namedLoad({ ...query, hint: "a_1" }, plan).command).not.toHaveProperty("hint");
  });

  test("a sort in memory counts the documents once more", () => {
    expect(workOf({ ...plan, keysExamined: 5 })).toBe(1_005);
    expect(workOf({ ...plan, keysExamined: 5, blockingSort: true })).toBe(2_005);
  });

  const limits = { minimumWaste: 500, minimumDocuments: 500 };
  test.each<[string, Partial<QueryPlan> | null, number, string | undefined]>([
    ["enough waste", {}, 1_000, undefined],
    ["little waste", { docsExamined: 500 }, 1_000, "no_waste"],
    [
      "a sort in memory of much, all of it returned",
      { returned: 1_000, blockingSort: true },
      1_000,
      undefined,
    ],
    ["few documents", {}, 499, "collection_too_small"],
    ["no plan", null, 1_000, "cannot_explain"],
  ])("%s", (_name, change, documents, code) => {
    const [load] = rankWorkload([namedLoad(query, change && { ...plan, ...change })], new Map());
    expect(load && screen(load, { documents }, limits)?.code).toBe(code);
  });
});
