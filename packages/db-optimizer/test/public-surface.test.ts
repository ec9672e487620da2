import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";

import * as surface from "../src/index.js";

test("exports these names and no others", () => {
  expect(Object.keys(surface).sort()).toEqual([
    "DatabaseInitializer",
    "DatabaseOptimizer",
    "MigrationGate",
    "OptimizerError",
    "adviceLimitsSchema",
    "adviseIndexes",
    "analysePerformance",
    "applyPlan",
    "assertMigration",
    "assertModel",
    "candidateIndex",
    "checkHealth",
    "cleanupRuleSchema",
    "contractMigration",
    "diffIndexes",
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
    "migrateUp",
    "migrationPhases",
    "migrationStatus",
    "openObservations",
    "partWeights",
    "planIndexes",
    "planRollback",
    "planSetup",
    "planSharding",
    "readRollback",
    "readShardPlan",
    "redundantIndexes",
    "rollbackMigration",
    "routeOf",
    "runCleanup",
    "runRollback",
    "severityCosts",
    "shardKeyCosts",
    "summariseExplain",
    "targetOf",
    "thresholdsSchema",
    "toOptimizerError",
    "verifyMigration",
    "violationsOf",
    "withLease",
  ]);
});

test("depends on these packages and no others", async () => {
  const manifest = JSON.parse(await readFile(new URL("../package.json", import.meta.url), "utf8"));
  expect(Object.keys(manifest.dependencies)).toEqual(["zod"]);
  expect(Object.keys(manifest.peerDependencies)).toEqual(["mongoose"]);
});
