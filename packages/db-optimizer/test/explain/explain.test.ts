import { describe, expect, it } from "vitest";
import { summariseExplain } from "../../src/explain/explain.js";

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
    ["nothing that it knows", {}, { indexes: [], stages: [], collectionScan: false, returned: 0 }],
  ])("reads %s", (_name, document, expected) => {
    expect(summariseExplain(document as Record<string, unknown>)).toMatchObject(expected);
  });
});
