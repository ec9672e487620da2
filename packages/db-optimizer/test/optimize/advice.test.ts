import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalIndex } from "../../src/indexes/spec.js";
import type { QueryPlan } from "../../src/queries/explain.js";
import { shapeOf } from "../../src/queries/shape.js";
import { explainableCommand, groupByShape } from "../../src/queries/slow.js";
import { candidateIndex, workloadFindings } from "../../src/workload/advice.js";
import { indexHitRatio, judgePlan } from "../../src/workload/judge.js";
import { parseLimits } from "../../src/workload/limits.js";
import type { Workload } from "../../src/workload/read.js";

const good: QueryPlan = {
  indexes: ["a_1"],
  stages: ["FETCH", "IXSCAN"],
  collectionScan: false,
  blockingSort: false,
  keysExamined: 10,
  docsExamined: 10,
  returned: 10,
  millis: 0,
};
const scan: QueryPlan = {
  ...good,
  indexes: [],
  stages: ["COLLSCAN"],
  collectionScan: true,
  docsExamined: 1_000,
};
const query = { name: "byA", collection: "things", filter: { a: 1 }, index: "a_1" };
const latency = { p50: 1, p95: 2, samples: 3 };

describe("judgePlan", () => {
  it.each<[string, QueryPlan, string[]]>([
    ["an index scan", good, []],
    ["a collection scan", scan, ["collection_scan"]],
    ["a sort in memory", { ...good, blockingSort: true }, ["blocking_sort"]],
    ["another index than the one meant", { ...good, indexes: ["b_1"] }, ["other_index"]],
    ["too much examined", { ...good, docsExamined: 21 }, ["examines_too_much"]],
    ["an index read from end to end", { ...good, keysExamined: good.returned * 101 }, ["index_scan"]],
    ["many values looked for, few found", { ...good, keysExamined: good.returned * 100 }, []],
    ["no index, because there is no collection", { ...good, stages: ["EOF"], indexes: [] }, []],
    ["nothing returned and little examined", { ...good, returned: 0, docsExamined: 2 }, []],
  ])("finds in %s", (_name, plan, problems) => {
    expect(judgePlan(query, plan, latency).problems).toEqual(problems);
  });

  it("counts the share of queries that an index serves", () => {
    const of = (plan: QueryPlan) => judgePlan(query, plan, latency);
    expect(indexHitRatio([])).toBe(1);
    expect(indexHitRatio([of(good), of(good), of(good), of(scan)])).toBe(0.75);
    const nothing = of({ ...good, stages: ["EOF"], indexes: [] });
    expect(indexHitRatio([nothing, of(good), of(scan)])).toBe(0.5);
    expect(indexHitRatio([nothing])).toBe(1);
  });
});

describe("candidateIndex", () => {
  it.each<[string, object, Record<string, 1 | -1>, object | undefined]>([
    ["equality, then sort, then range", { a: 1, b: { $gt: 1 } }, { c: -1 }, { a: 1, c: -1, b: 1 }],
    ["equality wherever it stands", { b: { $gte: 1 }, a: { $in: [1, 2] } }, {}, { a: 1, b: 1 }],
    ["the sort alone", {}, { at: -1 }, { at: -1 }],
    ["inside $and", { $and: [{ a: 1 }, { b: { $lt: 2 } }] }, {}, { a: 1, b: 1 }],
    ["a field once, though it is sorted too", { a: 1 }, { a: -1, b: 1 }, { a: 1, b: 1 }],
    ["null and dates as equality", { a: null, b: new Date(0) }, {}, { a: 1, b: 1 }],
    ["a pattern as a range", { a: /^x/ }, {}, { a: 1 }],
    ["nothing where nothing can be served", { $or: [{ a: 1 }, { b: 1 }] }, {}, undefined],
    ["nothing for _id", { _id: 1 }, {}, undefined],
  ])("puts %s", (_name, filter, sort, keys) => {
    const candidate = candidateIndex(filter as Record<string, unknown>, sort);
    expect(candidate).toEqual(keys);
    if (keys) expect(Object.keys(candidate!)).toEqual(Object.keys(keys));
  });
});

describe("shapeOf", () => {
  const shape = (filter: object, more: object = {}) =>
    shapeOf("find", "things", { find: "things", filter, ...more });

  it("is the same for other values and another order, and another for other fields or operators", () => {
    const one = shape({ a: 1, b: { $gt: 5 } });
    expect(shape({ b: { $gt: new Date() }, a: "x" }).fingerprint).toBe(one.fingerprint);
    expect(shape({ a: 1, b: { $lt: 5 } }).fingerprint).not.toBe(one.fingerprint);
    expect(shape({ a: 1, c: { $gt: 5 } }).fingerprint).not.toBe(one.fingerprint);
    expect(shape({ a: 1, b: { $gt: 5 } }, { sort: { a: 1 } }).fingerprint).not.toBe(one.fingerprint);
  });

  it("keeps no value", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 3 }), fc.integer({ min: 1_000 }), (text, number) => {
        const { filter } = shape({ field: text, other: { $in: [number, text] } });
        expect(filter).toEqual({ field: "?", other: { $in: "?" } });
      }),
    );
  });

  it.each([
    ["an update", "update", { q: { a: 1 } }],
    ["an aggregation", "aggregate", { pipeline: [{ $match: { a: 1 } }] }],
    ["a count", "count", { query: { a: 1 } }],
  ])("reads the filter of %s", (_name, operation, command) => {
    expect(shapeOf(operation, "things", command).filter).toEqual({ a: "?" });
  });

  // Source: https://www.mongodb.com/docs/manual/core/aggregation-pipeline-optimization/
  it.each<[string, object[], object, object]>([
    [
      "several conditions",
      [{ $match: { a: 1 } }, { $match: { b: 1 } }],
      { $and: [{ a: "?" }, { b: "?" }] },
      {},
    ],
    ["a sort and a condition", [{ $sort: { b: 1 } }, { $match: { a: 1 } }], { a: "?" }, { b: 1 }],
    ["a condition on groups", [{ $group: { _id: "$a" } }, { $match: { a: 1 } }, { $sort: { a: 1 } }], {}, {}],
    ["a condition on the first ten", [{ $limit: 10 }, { $match: { a: 1 } }], {}, {}],
    [
      "a field that is set",
      [{ $set: { "b.c": 1 } }, { $match: { a: 1, b: 1, "b.d": 1 } }, { $sort: { a: 1 } }],
      { a: "?" },
      {},
    ],
    [
      "a field that is unset",
      [{ $unset: "b" }, { $match: { a: 1, $or: [{ b: 1 }, { a: 2 }] } }],
      { a: "?" },
      {},
    ],
    ["fields that are left out", [{ $project: { b: 0 } }, { $match: { a: 1, b: 1 } }], { a: "?" }, {}],
    [
      "fields that are kept, renamed or absent",
      [{ $project: { a: 1, b: "$c" } }, { $match: { _id: 1, a: 1, b: 1, c: 1 } }],
      { _id: "?", a: "?" },
      {},
    ],
    ["an unwound array", [{ $unwind: "$b" }, { $match: { a: 1, "b.c": 1 } }], { a: "?" }, {}],
    [
      "what was joined",
      [{ $lookup: { from: "others", as: "b" } }, { $match: { a: 1, "b.c": 1 } }],
      { a: "?" },
      {},
    ],
  ])("takes from an aggregation what an index can serve: %s", (_what, pipeline, filter, sort) => {
    expect(shapeOf("aggregate", "things", { pipeline })).toMatchObject({ filter, sort });
  });

  it("tells aggregations apart by their stages and joins, not by their values", () => {
    const $match = { a: 1 };
    const of = (...stages: object[]) => shapeOf("aggregate", "things", { pipeline: [{ $match }, ...stages] });
    const join = (from: string) => ({ $lookup: { from, localField: "x", foreignField: "k", as: "y" } });
    const shapes = [
      of(),
      of({ $group: { _id: "$a" } }),
      of(join("b")),
      of(join("c")),
      of({ $unionWith: "b" }),
      of({ $unionWith: { coll: "c" } }),
    ];
    expect(new Set(shapes.map(({ fingerprint }) => fingerprint)).size).toBe(shapes.length);
    expect(of({ $limit: 1 }).fingerprint).toBe(of({ $limit: 2 }).fingerprint);
    expect(shapes[2]?.stages).toEqual(["$match", "$lookup b.k"]);
  });
});

describe("groupByShape", () => {
  const entry = (filter: object, millis: number, at: number) => ({
    op: "query",
    ns: "shop.things.parts",
    command: { find: "things.parts", filter, lsid: {} },
    millis,
    ts: new Date(at),
  });

  it("adds up runs of one query, the costliest shape first", () => {
    const groups = groupByShape([entry({ a: 1 }, 100, 2), entry({ b: 1 }, 150, 1), entry({ a: 2 }, 200, 1)]);
    expect(groups).toMatchObject([
      {
        count: 2,
        maxMillis: 200,
        totalMillis: 300,
        lastAt: new Date(2),
        shape: { collection: "things.parts" },
      },
      { count: 1, totalMillis: 150 },
    ]);
  });

  it("reads updates and deletes as the profiler records them", () => {
    const write = (op: string) => ({ ...entry({}, 100, 1), op, command: { q: { a: 1 }, limit: 0 } });
    const groups = groupByShape([write("update"), write("remove"), write("insert")]);
    expect(groups.map(({ shape }) => [shape.operation, shape.filter])).toEqual([
      ["update", { a: "?" }],
      ["delete", { a: "?" }],
    ]);
  });

  it("believes a profiler that tells the plan", () => {
    const told = {
      docsExamined: 500,
      keysExamined: 0,
      nreturned: 1,
      planSummary: "COLLSCAN",
      hasSortStage: true,
    };
    const [group] = groupByShape([{ ...entry({ a: 1 }, 100, 1), ...told }]);
    expect(group?.plan).toMatchObject({
      collectionScan: true,
      blockingSort: true,
      docsExamined: 500,
      returned: 1,
    });
    const served = { docsExamined: 1, keysExamined: 1, planSummary: "IXSCAN { a: 1 }" };
    const [other] = groupByShape([{ ...entry({ a: 1 }, 100, 1), ...served }]);
    expect(other?.plan).toMatchObject({ stages: ["IXSCAN"], collectionScan: false });
    expect(groupByShape([entry({ a: 1 }, 100, 1)])[0]?.plan).toBeNull();
  });

  it("leaves out what is no query", () => {
    expect(groupByShape([{ ...entry({}, 100, 1), command: { getMore: 1 } }])).toEqual([]);
  });
});

describe("explainableCommand", () => {
  const command = (operation: string, recorded: Record<string, unknown>) =>
    explainableCommand(shapeOf(operation, "things", recorded), recorded);

  it("turns a write into the read of what it would find", () => {
    expect(command("delete", { q: { a: 1 }, limit: 0 })).toEqual({ find: "things", filter: { a: 1 } });
    expect(command("findAndModify", { findAndModify: "things", query: { a: 1 }, sort: { b: 1 } })).toEqual({
      find: "things",
      filter: { a: 1 },
      sort: { b: 1 },
    });
  });

  // A read in a transaction, as the profiler records it: explain takes no part of a transaction or session.
  it("leaves out what is of the session, the transaction, the router and the driver", () => {
    const around = {
      lsid: { id: 1 },
      txnNumber: 1,
      startTransaction: true,
      autocommit: false,
      coordinator: true,
      readConcern: { level: "snapshot" },
      $clusterTime: {},
      $configTime: {},
      $db: "shop",
      $readPreference: { mode: "secondary" },
      $client: {},
      maxTimeMS: 5,
      batchSize: 2,
      singleBatch: true,
      shardVersion: {},
      fromMongos: true,
      comment: "x",
    };
    const find = { find: "things", filter: { a: 1 }, sort: { b: 1 }, limit: 5, collation: { locale: "de" } };
    expect(command("find", { ...find, ...around })).toEqual(find);
    const aggregate = { aggregate: "things", pipeline: [{ $match: { a: 1 } }], let: { x: 1 } };
    expect(command("aggregate", { ...aggregate, ...around, cursor: { batchSize: 1 } })).toEqual({
      ...aggregate,
      cursor: {},
    });
    const distinct = { distinct: "things", key: "a", query: { b: 1 } };
    expect(command("distinct", { ...distinct, ...around })).toEqual(distinct);
    const count = { count: "things", query: { b: 1 }, limit: 1 };
    expect(command("count", { ...count, ...around })).toEqual(count);
  });

  it("never runs an aggregation that writes", () => {
    expect(
      command("aggregate", { aggregate: "things", pipeline: [{ $match: {} }, { $out: "x" }] }),
    ).toBeUndefined();
    expect(command("aggregate", { aggregate: "things", pipeline: [{ $merge: "x" }] })).toBeUndefined();
  });
});

describe("workloadFindings", () => {
  const drift = { missing: [] } as unknown as Workload["drift"];
  const nothing = {
    analyses: [],
    failures: [],
    slow: { known: false, reason: "" } as const,
    collections: [],
    sizes: new Map(),
    drift,
    declared: new Set<string>(),
    redundancy: { redundant: [] },
    lookups: [],
  };
  const advise = (facts: Partial<Parameters<typeof workloadFindings>[0]>) =>
    workloadFindings({ ...nothing, ...facts }, parseLimits(undefined));
  const lacking = (name: string) =>
    ({ missing: [{ collection: "things", name }] }) as unknown as Workload["drift"];

  it("has nothing to say of good plans", () => {
    expect(advise({ analyses: [judgePlan(query, good, latency)] })).toEqual([]);
  });

  it("sends declared indexes that are missing to `org-db setup`, once, and writes out any other", () => {
    const analyses = [judgePlan(query, scan, latency)];
    const twice = [...analyses, judgePlan({ ...query, name: "again" }, scan, latency)];
    expect(advise({ analyses: twice, drift: lacking("a_1") })).toMatchObject([
      {
        code: "INDEX_MISSING",
        command: "org-db setup",
        evidence: "2,000 documents examined for 20 returned by byA, again",
      },
    ]);
    expect(advise({ analyses })).toMatchObject([
      {
        code: "INDEX_WANTED",
        command: "db.things.createIndex({ a: 1 })",
        evidence: expect.stringContaining("1,000 documents"),
      },
    ]);
  });

  it("sends for the plan of a query that reads its whole index: another index may not help", () => {
    const plan = { ...good, keysExamined: good.returned * 500 };
    expect(advise({ analyses: [judgePlan(query, plan, latency)] })).toMatchObject([
      {
        code: "PLAN_REVIEW",
        message: "byA reads 500 keys of a_1 for each document it returns",
        command: expect.stringContaining("explain"),
      },
    ]);
  });

  it("advises hiding a redundant index, not dropping it", () => {
    const index = (name: string, key: object) => ({
      ...canonicalIndex("things", key as Record<string, unknown>, { name }),
      building: false,
    });
    const redundant = [
      { index: index("a_1", { a: 1 }), coveredBy: index("a_1_b_1", { a: 1, b: 1 }), why: "prefix" as const },
    ];
    expect(advise({ redundancy: { redundant } })).toMatchObject([
      { code: "INDEX_REDUNDANT", command: "org-db apply --drop things.a_1" },
    ]);
  });
});
