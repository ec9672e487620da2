import { mongo } from "mongoose";
import { describe, expect, it } from "vitest";
import { summariseExplain } from "../../src/queries/explain.js";

const executionStats = { nReturned: 3, totalKeysExamined: 3, totalDocsExamined: 3, executionTimeMillis: 1 };
const fetchOf = (indexName: string) => ({ stage: "FETCH", inputStage: { stage: "IXSCAN", indexName } });

describe("summariseExplain", () => {
  it.each<[string, object, object]>([
    [
      "the classic engine",
      { queryPlanner: { winningPlan: fetchOf("a_1") }, executionStats },
      {
        indexes: ["a_1"],
        stages: ["FETCH", "IXSCAN"],
        collectionScan: false,
        blockingSort: false,
        returned: 3,
      },
    ],
    [
      "the slot-based engine",
      {
        queryPlanner: { winningPlan: { queryPlan: { ...fetchOf("a_1"), planNodeId: 2 }, slotBasedPlan: {} } },
        executionStats,
      },
      { indexes: ["a_1"], stages: ["FETCH", "IXSCAN"], docsExamined: 3 },
    ],
    [
      "the express path of 8.0",
      { queryPlanner: { winningPlan: { stage: "EXPRESS_IXSCAN", indexName: "email_1" } }, executionStats },
      { indexes: ["email_1"], collectionScan: false },
    ],
    [
      "a lookup by _id",
      { queryPlanner: { winningPlan: { stage: "IDHACK" } }, executionStats },
      { indexes: [], stages: ["IDHACK"], collectionScan: false },
    ],
    [
      "a collection scan under a sort",
      { queryPlanner: { winningPlan: { stage: "SORT", inputStage: { stage: "COLLSCAN" } } }, executionStats },
      { indexes: [], collectionScan: true, blockingSort: true },
    ],
    [
      "a merge of sorted branches, which does not block",
      {
        queryPlanner: {
          winningPlan: {
            stage: "SORT_MERGE",
            inputStages: [
              { stage: "IXSCAN", indexName: "a" },
              { stage: "IXSCAN", indexName: "b" },
            ],
          },
        },
        executionStats,
      },
      { indexes: ["a", "b"], blockingSort: false },
    ],
    [
      "a sharded cluster",
      {
        queryPlanner: {
          winningPlan: {
            stage: "SHARD_MERGE",
            shards: [
              { shardName: "one", winningPlan: fetchOf("a_1") },
              { shardName: "two", winningPlan: { stage: "COLLSCAN" } },
            ],
          },
        },
        executionStats,
      },
      { indexes: ["a_1"], stages: ["SHARD_MERGE", "FETCH", "IXSCAN", "COLLSCAN"], collectionScan: true },
    ],
    [
      "an aggregation",
      {
        stages: [
          { $cursor: { queryPlanner: { winningPlan: fetchOf("a_1") }, executionStats } },
          { $group: {} },
        ],
      },
      { indexes: ["a_1"], keysExamined: 3 },
    ],
  ])("reads %s", (_name, document, expected) => {
    expect(summariseExplain(document as Record<string, unknown>)).toMatchObject(expected);
  });
});

/**
 * Answers of MongoDB 6.0, 7.0 and 8.0 in the shapes that the fixtures of mongodb-js/compass (packages/explain-plan-helper)
 * and of mongodb/mongo (jstests/query_golden/expected_output, jstests/core/query/explain, jstests/sharding) have.
 */
describe("summariseExplain of each kind of answer", () => {
  const stats = (keys: number, docs: number, returned: number, more: object = {}) => ({
    executionSuccess: true,
    nReturned: returned,
    executionTimeMillis: 4,
    totalKeysExamined: keys,
    totalDocsExamined: docs,
    executionStages: { stage: "FETCH" },
    ...more,
  });
  const planner = (winningPlan: object) => ({
    namespace: "shop.orders",
    parsedQuery: { stage: "none of the plan's" },
    winningPlan,
    rejectedPlans: [{ stage: "IXSCAN", indexName: "rejected_1" }],
  });
  const slotBased = (queryPlan: object) => ({
    isCached: false,
    queryPlan,
    slotBasedPlan: { slots: "$$RESULT=s6", stages: "[1] scan s6" },
  });
  const scan = { stage: "COLLSCAN", direction: "forward" };
  const ownFilter = (inputStage: object) => ({ stage: "SHARDING_FILTER", inputStage });
  const lookup = { from: "districts", as: "district", localField: "d", foreignField: "_id" };
  const eqLookup = (more: object) => ({
    stage: "EQ_LOOKUP",
    planNodeId: 2,
    foreignCollection: "shop.districts",
    localField: "d",
    foreignField: "code",
    asField: "district",
    inputStage: fetchOf("state_1"),
    ...more,
  });

  it.each<[string, object, object]>([
    [
      "6.0, a count by an index",
      {
        queryPlanner: planner({ stage: "COUNT", inputStage: { stage: "COUNT_SCAN", indexName: "a_1" } }),
        executionStats: stats(5, 0, 0),
      },
      { indexes: ["a_1"], stages: ["COUNT", "COUNT_SCAN"], keysExamined: 5 },
    ],
    [
      "7.0, a distinct scan",
      {
        queryPlanner: planner({
          stage: "PROJECTION_COVERED",
          inputStage: { stage: "DISTINCT_SCAN", indexName: "a_1" },
        }),
        executionStats: stats(3, 0, 3),
      },
      { indexes: ["a_1"], collectionScan: false, docsExamined: 0 },
    ],
    [
      "8.0, the express path over a clustered collection",
      { queryPlanner: planner({ stage: "EXPRESS_CLUSTERED_IXSCAN" }), executionStats: stats(0, 1, 1) },
      { indexes: [], collectionScan: false, returned: 1 },
    ],
    [
      "7.0, a whole pipeline in the slot-based engine",
      {
        explainVersion: "2",
        queryPlanner: planner(slotBased({ stage: "GROUP", inputStage: fetchOf("a_1") })),
        executionStats: stats(9, 9, 2),
      },
      { indexes: ["a_1"], stages: ["GROUP", "FETCH", "IXSCAN"] },
    ],
    [
      "a branch for each clause of an $or",
      {
        queryPlanner: planner({
          stage: "SUBPLAN",
          inputStage: { stage: "OR", inputStages: [fetchOf("a_1"), fetchOf("b_1")] },
        }),
        executionStats: stats(2, 2, 2),
      },
      { indexes: ["a_1", "b_1"] },
    ],
    [
      "a find on two shards",
      {
        queryPlanner: {
          mongosPlannerVersion: 1,
          winningPlan: {
            stage: "SHARD_MERGE",
            shards: [
              { shardName: "a", ...planner(slotBased(ownFilter(fetchOf("a_1")))) },
              { shardName: "b", ...planner(ownFilter(scan)) },
            ],
          },
        },
        executionStats: {
          nReturned: 7,
          executionTimeMillis: 9,
          totalKeysExamined: 5,
          totalDocsExamined: 12,
          executionStages: { stage: "SHARD_MERGE", shards: [{ shardName: "a", ...stats(5, 5, 5) }] },
        },
      },
      { indexes: ["a_1"], collectionScan: true, keysExamined: 5, docsExamined: 12, returned: 7, millis: 9 },
    ],
    [
      "an aggregation on two shards, by their names",
      {
        mergeType: "mongos",
        splitPipeline: { shardsPart: [], mergerPart: [] },
        shards: {
          a: {
            host: "a:27018",
            queryPlanner: planner(slotBased(ownFilter(fetchOf("a_1")))),
            executionStats: stats(5, 5, 5),
          },
          b: {
            host: "b:27018",
            queryPlanner: planner(ownFilter(scan)),
            executionStats: stats(0, 100, 2, { executionTimeMillis: 37 }),
          },
        },
      },
      { indexes: ["a_1"], collectionScan: true, keysExamined: 5, docsExamined: 105, returned: 7, millis: 37 },
    ],
    [
      "an aggregation with stages on one shard",
      {
        splitPipeline: null,
        shards: {
          a: {
            host: "a:27018",
            stages: [
              { $cursor: { queryPlanner: planner(scan), executionStats: stats(0, 6, 6) }, nReturned: 6 },
              {
                $lookup: lookup,
                totalDocsExamined: 5,
                totalKeysExamined: 5,
                collectionScans: 0,
                indexesUsed: ["_id_"],
                nReturned: 6,
              },
            ],
          },
        },
      },
      {
        indexes: [],
        collectionScan: true,
        keysExamined: 5,
        docsExamined: 11,
        returned: 6,
        joins: [{ collection: "districts", indexes: ["_id_"], collectionScan: false }],
      },
    ],
    [
      "a $lookup without an index, in figures that are longs",
      {
        stages: [
          { $cursor: { queryPlanner: planner(fetchOf("a_1")), executionStats: stats(2, 2, 2) } },
          {
            $lookup: { ...lookup, from: { db: "shop", coll: "districts" } },
            totalDocsExamined: mongo.Long.fromNumber(200),
            totalKeysExamined: mongo.Long.fromNumber(0),
            collectionScans: mongo.Long.fromNumber(2),
            indexesUsed: [],
          },
        ],
      },
      {
        indexes: ["a_1"],
        collectionScan: false,
        docsExamined: 202,
        joins: [{ collection: "districts", indexes: [], collectionScan: true }],
      },
    ],
    [
      "a join of the slot-based engine by an index of the joined collection",
      {
        queryPlanner: planner(slotBased(eqLookup({ strategy: "IndexedLoopJoin", indexName: "code_1" }))),
        executionStats: stats(4, 4, 2),
      },
      {
        indexes: ["state_1"],
        stages: ["EQ_LOOKUP", "FETCH", "IXSCAN"],
        joins: [{ collection: "districts", indexes: ["code_1"], collectionScan: false }],
      },
    ],
    [
      "such a join that reads the joined collection",
      {
        queryPlanner: planner(slotBased(eqLookup({ stage: "EQ_LOOKUP_UNWIND", strategy: "HashJoin" }))),
        executionStats: stats(2, 50, 2),
      },
      {
        indexes: ["state_1"],
        collectionScan: false,
        joins: [{ collection: "districts", indexes: [], collectionScan: true }],
      },
    ],
    [
      "a $geoNear",
      {
        stages: [
          {
            $geoNearCursor: {
              queryPlanner: planner({ stage: "GEO_NEAR_2DSPHERE", indexName: "place_2dsphere" }),
              executionStats: stats(40, 20, 10),
            },
          },
          { $limit: 3 },
        ],
      },
      { indexes: ["place_2dsphere"], keysExamined: 40, docsExamined: 20, returned: 10 },
    ],
    [
      "a $unionWith, with the plan of its own pipeline",
      {
        stages: [
          { $cursor: { queryPlanner: planner(fetchOf("a_1")), executionStats: stats(2, 2, 2) } },
          {
            $unionWith: {
              coll: "archive",
              pipeline: [{ $cursor: { queryPlanner: planner(scan), executionStats: stats(0, 50, 3) } }],
            },
          },
        ],
      },
      { collectionScan: true, docsExamined: 52, returned: 5 },
    ],
    [
      "a collection that is not there",
      { queryPlanner: planner({ stage: "EOF" }), executionStats: stats(0, 0, 0) },
      { stages: ["EOF"], indexes: [], returned: 0 },
    ],
  ])("reads %s", (_what, document, expected) => {
    const plan = summariseExplain(document as Record<string, unknown>);
    expect(plan).toMatchObject(expected);
    expect(plan.indexes).not.toContain("rejected_1");
    if (!("joins" in expected)) expect(plan).not.toHaveProperty("joins");
  });

  const failed = { executionSuccess: false, failed: true };
  const timeout = { ...failed, errorMessage: "operation exceeded time limit", errorCode: 50 };
  const memory = { ...failed, errorMessage: "Sort exceeded memory limit of 104857600 bytes", errorCode: 292 };
  it.each<[string, object, string, RegExp]>([
    [
      "on one server",
      { queryPlanner: planner(scan), executionStats: stats(0, 900, 0, memory) },
      "SERVER_REFUSED",
      /exceeded memory limit/,
    ],
    [
      "by the time limit",
      { queryPlanner: planner(scan), executionStats: stats(0, 900, 0, timeout) },
      "TIMED_OUT",
      /time limit/,
    ],
    [
      "on one of the shards of a find",
      {
        queryPlanner: {
          winningPlan: { stage: "SHARD_MERGE", shards: [{ shardName: "b", winningPlan: scan }] },
        },
        executionStats: {
          nReturned: 0,
          totalDocsExamined: 900,
          executionStages: {
            stage: "SHARD_MERGE",
            shards: [
              { shardName: "a", executionSuccess: true, executionStages: scan },
              { shardName: "b", ...timeout, executionStages: scan },
            ],
          },
        },
      },
      "TIMED_OUT",
      / on b: operation exceeded time limit/,
    ],
    [
      "on one of the shards of an aggregation",
      {
        shards: {
          b: {
            stages: [{ $cursor: { queryPlanner: planner(scan), executionStats: stats(0, 9, 0, timeout) } }],
          },
        },
      },
      "TIMED_OUT",
      /time limit/,
    ],
    [
      "without a code",
      { queryPlanner: planner(scan), executionStats: stats(0, 1, 0, failed) },
      "SERVER_REFUSED",
      /no reason is given/,
    ],
  ])("throws where the query failed %s, though the answer is ok", (_what, document, code, message) => {
    const read = () => summariseExplain({ ...document, ok: 1 });
    expect(read).toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) }));
  });

  it.each<[string, object]>([
    ["an empty document", {}],
    ["shards without a plan", { shards: { a: { host: "a:27018" } } }],
    ["stages without a query", { stages: [{ $documents: [] }] }],
    ["a plan of no stages", { queryPlanner: { winningPlan: {} }, executionStats: stats(0, 0, 0) }],
    ["other types", { shards: [1], stages: "none", queryPlanner: 7 }],
  ])("calls %s unknown, and not a plan that reads nothing", (_what, document) => {
    expect(() => summariseExplain(document as Record<string, unknown>)).toThrow(
      expect.objectContaining({ code: "UNSUPPORTED" }),
    );
  });
});
