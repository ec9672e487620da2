import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";

import * as surface from "../src/index.js";

test("exports these names and no others", () => {
  expect(Object.keys(surface).sort()).toEqual([
    "DatabaseInitializer",
    "DatabaseOptimizer",
    "OptimizerError",
    "adviceLimitsSchema",
    "adviseIndexes",
    "analysePerformance",
    "applyPlan",
    "assertModel",
    "candidateIndex",
    "checkHealth",
    "cleanupActionSchema",
    "cleanupRuleSchema",
    "cleanupRuns",
    "cleanupWindowSchema",
    "controlCleanup",
    "diffIndexes",
    "drainRules",
    "errorKinds",
    "expectQueryPlan",
    "expectedIndexes",
    "explainQuery",
    "healthCheckResultSchema",
    "healthCheckSchema",
    "initialize",
    "inspectIndexes",
    "inspectSizes",
    "isOptimizerError",
    "journalRuns",
    "journalSteps",
    "jsonSchemaOf",
    "judgeObservation",
    "judgeUse",
    "leaseHeldUntil",
    "loadSignals",
    "openObservations",
    "partWeights",
    "planIndexes",
    "planRollback",
    "planSetup",
    "planSharding",
    "readRollback",
    "readShardPlan",
    "redundantIndexes",
    "runCleanup",
    "runRollback",
    "severityCosts",
    "shardKeyCosts",
    "storageLimitsSchema",
    "storageReport",
    "summariseExplain",
    "targetOf",
    "thresholdsSchema",
    "toOptimizerError",
    "ttlBacklog",
    "violationsOf",
    "withLease",
  ]);
});

test("depends on these packages and no others", async () => {
  const manifest = JSON.parse(await readFile(new URL("../package.json", import.meta.url), "utf8"));
  expect(Object.keys(manifest.dependencies)).toEqual(["zod"]);
  expect(Object.keys(manifest.peerDependencies)).toEqual(["mongoose"]);
});
