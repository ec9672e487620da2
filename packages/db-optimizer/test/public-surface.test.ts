import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";

import * as cleanup from "../src/cleanup/index.js";
import * as health from "../src/health/index.js";
import * as surface from "../src/index.js";
import * as indexes from "../src/indexes/index.js";
import * as jobs from "../src/jobs/index.js";
import * as migrate from "../src/migrate/index.js";
import * as setup from "../src/setup/index.js";
import * as sharding from "../src/sharding/index.js";
import * as storage from "../src/storage/index.js";
import * as workload from "../src/workload/index.js";

test("exports these names and no others, at most 25 at its main entry", () => {
  expect(Object.keys(surface).sort()).toEqual([
    "DatabaseInitializer",
    "DatabaseOptimizer",
    "MigrationGate",
    "OptimizerError",
    "checkHealth",
    "contractMigration",
    "diffIndexes",
    "errorKinds",
    "expectQueryPlan",
    "expectedIndexes",
    "explainQuery",
    "initialize",
    "inspectIndexes",
    "isOptimizerError",
    "jsonSchemaOf",
    "migrateUp",
    "migrationStatus",
    "planSetup",
    "recordOperation",
    "rollbackMigration",
    "runCleanup",
    "storageReport",
    "toOptimizerError",
    "verifyMigration",
    "violationsOf",
  ]);
  expect(Object.keys(surface).length).toBeLessThanOrEqual(25);
});

test("exports these names by subpath and no others", () => {
  const names = (entry: object) => Object.keys(entry).sort();
  expect(names(cleanup)).toEqual([
    "checkCleanupRules",
    "cleanupActionSchema",
    "cleanupJob",
    "cleanupJobOf",
    "cleanupRuleSchema",
    "drainRules",
    "ttlBacklog",
  ]);
  expect(names(health)).toEqual([
    "figureText",
    "findingSchema",
    "healthCheckResultSchema",
    "healthCheckSchema",
    "partWeights",
    "severityCosts",
    "storageLimitsSchema",
    "thresholdsSchema",
  ]);
  expect(names(indexes)).toEqual([
    "applyPlan",
    "consentsOf",
    "diffIndexes",
    "dropPhaseOf",
    "expectedIndexes",
    "inspectIndexes",
    "inspectSizes",
    "journalRuns",
    "journalSteps",
    "judgeObservation",
    "judgeUse",
    "openObservations",
    "planIndexes",
    "planRollback",
    "readRollback",
    "redundantIndexes",
    "runRollback",
    "stepVerb",
  ]);
  expect(names(jobs)).toEqual([
    "Work",
    "attemptJob",
    "cleanupWindowSchema",
    "controlRun",
    "countText",
    "durationText",
    "lastServed",
    "leaseHeldUntil",
    "listRuns",
    "loadSignals",
    "lowerCpuPriority",
    "prepareRuns",
    "progressOf",
    "progressText",
    "queueRun",
    "queuedJobs",
    "rateText",
    "reserveSignals",
    "runResults",
    "serverTime",
    "showRun",
    "withLease",
  ]);
  expect(names(migrate)).toEqual([
    "assertMigration",
    "idText",
    "jobOf",
    "migrationPhases",
    "planMigration",
    "routeOf",
  ]);
  expect(names(setup)).toEqual(["assertModel", "declarationFaults", "jsonSchemaOf", "violationsOf"]);
  expect(names(sharding)).toEqual([
    "isRefused",
    "planSharding",
    "readShardPlan",
    "shardKeyCosts",
    "targetOf",
  ]);
  expect(names(storage)).toEqual(["scanStorage", "storageJob", "storageReport"]);
  expect(names(workload)).toEqual([
    "adviceLimitsSchema",
    "adviseIndexes",
    "analysePerformance",
    "candidateIndex",
    "checkedQueries",
    "explainQuery",
    "summariseExplain",
  ]);
});

test("has an entry for each subpath and no other", async () => {
  const { exports } = JSON.parse(await readFile(new URL("../package.json", import.meta.url), "utf8"));
  expect(Object.keys(exports)).toEqual([
    ".",
    "./cleanup",
    "./health",
    "./indexes",
    "./jobs",
    "./migrate",
    "./setup",
    "./sharding",
    "./storage",
    "./workload",
    "./package.json",
  ]);
});

test("depends on these packages and no others", async () => {
  const manifest = JSON.parse(await readFile(new URL("../package.json", import.meta.url), "utf8"));
  expect(Object.keys(manifest.dependencies)).toEqual(["zod"]);
  expect(Object.keys(manifest.peerDependencies)).toEqual(["mongoose"]);
});
