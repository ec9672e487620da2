import { setTimeout as wait } from "node:timers/promises";
import { defineModels, type IdentityDatabase, sessionsMigration } from "@org/db-models";
import { migrateUp, migrationStatus, verifyMigration } from "@org/db-optimizer";
import type { RunRecord } from "@org/db-optimizer/jobs";
import { loadIdentityData } from "@org/dev-kit/identity-data";
import { allNeed } from "@org/dev-kit/vitest";
import { beforeEach, expect, test } from "vitest";
import { defineConfig } from "../src/config.js";
import { migrationJob } from "../src/jobs/migration.js";
import { queueJob, runsOfJobs, steerRun } from "../src/run-control.js";
import { type Runner, runJob } from "../src/run-job.js";
import { startProcess } from "./support/process.js";
import { useStore } from "./support/store.js";

// A migration waits for a load that its user may not read.
allNeed("clusterMonitoring");
const store = useStore();
const migration = sessionsMigration({ phaseLeaseMs: 20 });
const users = 300;
beforeEach(() =>
  loadIdentityData(store.db(), { users, sessions: 600, seed: 1, now: new Date(), layout: "legacy" }),
);

const connection = () => store.database.connection;
const database = (): IdentityDatabase => ({
  connection: connection(),
  models: defineModels(connection()),
  close: async () => undefined,
});
const config = (batchSize: number) =>
  defineConfig({
    mongodbUri: "mongodb://unused",
    batchSize,
    leaseMs: 1_000,
    maxSlowdown: "off",
    maxShare: 0.1,
  });
const job = (batchSize = 1_000) => migrationJob(database(), config(batchSize), migration);
const run = (instance: string, batchSize?: number, changes: Partial<Runner> = {}) =>
  runJob(store.runner(instance, changes), job(batchSize));
const controls = () => ({
  connection: connection(),
  jobs: [{ name: "migration", job: `migrate:${migration.name}`, isResumable: true }],
  by: "ada",
});
const newest = async () => (await runsOfJobs(controls()))[0] as RunRecord;
const phase = async () => (await migrationStatus(connection(), migration)).phase;
const copied = () => store.db().collection("users").countDocuments();
const expectAllThere = async () =>
  expect(await verifyMigration(connection(), migration, { now: () => new Date() })).toMatchObject({
    clean: true,
    sources: users,
  });

const audited = async () =>
  (await store.db().collection("audit_events").find().toArray()).map(({ action, outcome }) => [
    action,
    outcome,
  ]);

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await wait(20);
}

test("copies and compares all, and leaves reads where they are; once there it compares again", async () => {
  const first = await run("a");
  expect(first).toMatchObject({
    state: "succeeded",
    result: { from: "off", phase: "verify", changes: ["expand", "backfill", "verify"] },
  });
  await expectAllThere();
  expect(await audited()).toEqual([["database.migrate", "success"]]);
  await store.db().collection("users").deleteOne({});
  expect(await run("b")).toMatchObject({
    state: "succeeded",
    result: { from: "verify", changes: [], verified: { sources: users, repaired: 1, mismatched: 0 } },
  });
  await expectAllThere();
});

test("of two instances one migrates, and the other is refused", async () => {
  const results = await Promise.all([run("a"), run("b")]);
  expect(results.filter(({ ran }) => ran)).toMatchObject([{ state: "succeeded" }]);
  expect(results.filter(({ ran }) => !ran)).toMatchObject([{ reason: "locked" }]);
  await expectAllThere();
});

test("is paused where it is, and goes on from there when it is resumed", async () => {
  const running = run("a", 50);
  await until(async () => (await copied()) > 0);
  const { _id } = await newest();
  await steerRun(controls(), "pause", _id);
  await until(async () => (await newest()).state === "paused");
  const at = await copied();
  expect(at).toBeLessThan(users);
  expect(await newest()).toMatchObject({
    reason: "requested",
    progress: { step: "backfill legacy_users", total: users, rate: expect.any(Number) },
  });
  await wait(300);
  expect(await copied()).toBe(at);
  // It is one run with one lease: another that would take it up is refused until it is resumed or cancelled.
  expect(await run("b")).toMatchObject({ ran: false, reason: "locked" });
  await steerRun(controls(), "resume", _id);
  expect(await running).toMatchObject({
    state: "succeeded",
    result: { from: "off", changes: ["expand", "backfill", "verify"] },
  });
  await expectAllThere();
});

test("is cancelled between two batches, and what it copied stays", async () => {
  const running = run("a", 50);
  await until(async () => (await copied()) > 0);
  await steerRun(controls(), "cancel", (await newest())._id);
  expect(await running).toMatchObject({ state: "cancelled" });
  expect(await phase()).toBe("backfill");
});

test("a queued run that is to pause begins paused, and begins nothing", async () => {
  const { _id } = await queueJob(controls(), "migration");
  await steerRun(controls(), "pause", _id);
  const running = runJob(store.runner("a"), job(), { onlyQueued: true });
  await until(async () => (await newest()).state === "paused");
  expect(await phase()).toBe("off");
  await steerRun(controls(), "cancel", _id);
  expect(await running).toMatchObject({ state: "cancelled" });
});

test("leaves a migration alone whose reads are switched, and never contracts", async () => {
  await migrateUp(connection(), migration, { now: () => new Date() });
  expect(await run("a")).toMatchObject({
    state: "succeeded",
    result: { phase: "switched", advanced: false },
  });
  expect(await phase()).toBe("switched");
});

test("a document that cannot be carried over fails the run by its code", async () => {
  await defineModels(connection()).User.createIndexes();
  const [one, other] = await store.db().collection("legacy_users").find({}).limit(2).toArray();
  await store
    .db()
    .collection("legacy_users")
    .updateOne({ _id: one?._id as never }, { $set: { email: other?.email } });
  expect(await run("a")).toMatchObject({ state: "failed", error: { code: "MIGRATION_MISMATCH" } });
  expect(await phase()).toBe("verify");
});

test("after SIGKILL in the middle another process goes on from the checkpoint", {
  timeout: 120_000,
}, async () => {
  const start = (batchSize: string) =>
    startProcess(["--once", "migration"], {
      MONGODB_URI: store.database.uri,
      ORG_MAINTENANCE_MIGRATION_SOURCE: "legacy_users",
      ORG_MAINTENANCE_BATCH_SIZE: batchSize,
      ORG_MAINTENANCE_LEASE_MS: "1000",
      ORG_MAINTENANCE_MAX_SLOWDOWN: "off",
      ORG_MAINTENANCE_MAX_SHARE: "0.6",
      ORG_MAINTENANCE_LOG_LEVEL: "debug",
    });
  const killed = start("2");
  await killed.says("batch migrated");
  killed.child.kill("SIGKILL");
  await killed.exited;
  const left = await migrationStatus(connection(), migration);
  expect(left).toMatchObject({ phase: "backfill", progress: { done: expect.any(Number) } });
  expect(await copied()).toBeLessThan(users);
  await wait(1_000);
  const successor = start("1000");
  expect((await successor.exited).code, successor.output()).toBe(0);
  expect(await runsOfJobs(controls())).toMatchObject([
    {
      state: "succeeded",
      result: { from: "backfill", phase: "verify", verified: { mismatched: 0 } },
      before: [{ state: "interrupted", reason: "process_lost" }],
    },
  ]);
  await expectAllThere();
});
