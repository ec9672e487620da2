import { defineModels, type IdentityModels } from "@org/db-models";
import { leaseHeldUntil } from "@org/db-optimizer/jobs";
import { needs, useTemporaryDatabase } from "@org/dev-kit/vitest";
import { beforeEach, expect, test } from "vitest";
import { startProcess } from "./support/process.js";

const database = useTemporaryDatabase({ label: "maintenance_process", per: "test" });
let models: IdentityModels;
beforeEach(async () => {
  models = defineModels(database.connection);
  // Not the TTL index: its monitor would remove some of what the cleanup is to remove.
  await models.SecurityEvent.collection.createIndex({ purgeAt: 1 });
});

const past = new Date("2020-01-01");
const future = new Date("2100-01-01");
const events = (count: number, purgeAt: Date) =>
  models.SecurityEvent.collection.insertMany(
    Array.from({ length: count }, () => ({ kind: "new_device", at: past, purgeAt, schemaVersion: 1 })),
  );
const left = () => models.SecurityEvent.countDocuments({ purgeAt: past });
const runs = () => database.connection.collection("org_db_runs").find().sort({ fencing: 1 }).toArray();
const lease = () => leaseHeldUntil(database.connection, "cleanup");

const start = (args: string[], env: Record<string, string> = {}) =>
  startProcess(args, { MONGODB_URI: database.uri, ORG_MAINTENANCE_METRICS_PORT: "0", ...env });
/** Batches so small that a cleanup is still at it when the test looks. */
const slowly = {
  ORG_MAINTENANCE_BATCH_SIZE: "20",
  ORG_MAINTENANCE_MAX_SLOWDOWN: "off",
  ORG_MAINTENANCE_MAX_SHARE: "0.6",
  ORG_MAINTENANCE_LOG_LEVEL: "debug",
};

needs("clusterMonitoring")(
  "--once removes expired documents, keeps the others, and exits with 0",
  async () => {
    await events(300, past);
    await events(50, future);
    const { exited, output } = start(["--once", "cleanup"]);
    expect((await exited).code, output()).toBe(0);
    expect(await models.SecurityEvent.countDocuments()).toBe(50);
    expect(await runs()).toMatchObject([
      {
        job: "cleanup",
        state: "succeeded",
        result: { removed: { "old-security-events": 300, "deleted-users": 0 } },
      },
    ]);
  },
);

needs("clusterMonitoring")(
  "a rule without its index is left out and named; the others are carried out",
  async () => {
    await events(30, past);
    await models.User.collection.insertOne({ email: "ada@example.com", purgeAt: past } as never);
    const { exited, output } = start(["--once", "cleanup"]);
    expect((await exited).code, output()).toBe(0);
    expect(await left()).toBe(0);
    expect(await models.User.collection.countDocuments()).toBe(1);
    const [run] = await runs();
    expect(run?.result.leftOut).toMatchObject([{ rule: "deleted-users" }]);
    expect(output()).toContain("a rule was left out");
  },
);

needs("clusterMonitoring")(
  "of two processes that race for one job, one runs it and the other exits with 4",
  async () => {
    await events(2_000, past);
    const racers = [start(["--once", "cleanup"], slowly), start(["--once", "cleanup"], slowly)];
    const codes = await Promise.all(racers.map(async ({ exited }) => (await exited).code));
    expect(codes.sort()).toEqual([0, 4]);
    expect(await left()).toBe(0);
    expect(await runs()).toHaveLength(1);
  },
);

needs("clusterMonitoring")(
  "after SIGKILL of the holder another process finishes the job once the lease has run out",
  async () => {
    await events(4_000, past);
    const env = { ...slowly, ORG_MAINTENANCE_LEASE_MS: "2000" };
    const holder = start(["--once", "cleanup"], env);
    await holder.says("batch removed");
    holder.child.kill("SIGKILL");
    await holder.exited;
    const heldUntil = await lease();
    if (!heldUntil) throw new Error("the dead process' lease did not hold");
    await new Promise((resolve) => setTimeout(resolve, heldUntil.getTime() - Date.now() + 50));
    // Not before: the server may still have been at the last command of the dead process.
    const remaining = await left();
    expect(remaining).toBeGreaterThan(0);
    expect((await start(["--once", "cleanup"], { ORG_MAINTENANCE_BATCH_SIZE: "1000" }).exited).code).toBe(0);
    expect(await left()).toBe(0);
    const [finished, ...others] = await runs();
    expect(others).toEqual([]);
    expect(finished).toMatchObject({
      state: "succeeded",
      before: [{ state: "interrupted", reason: "process_lost", fencing: 1 }],
      fencing: 2,
      result: { removed: { "old-security-events": remaining } },
    });
  },
);

needs("clusterMonitoring")(
  "SIGTERM finishes the batch, notes the run as interrupted, gives the lease back, and nothing is lost",
  async () => {
    await events(4_000, past);
    await events(10, future);
    const stopped = start(["--once", "cleanup"], slowly);
    await stopped.says("batch removed");
    stopped.child.kill("SIGTERM");
    expect((await stopped.exited).code).toBe(1);
    const remaining = await left();
    expect(remaining).toBeGreaterThan(0);
    expect(await lease()).toBeUndefined();
    expect(await runs()).toMatchObject([
      { state: "interrupted", result: { removed: { "old-security-events": 4_000 - remaining } } },
    ]);
    expect((await start(["--once"]).exited).code).toBe(0);
    expect(await models.SecurityEvent.countDocuments({ purgeAt: future })).toBe(10);
    expect(await left()).toBe(0);
  },
);

needs("clusterMonitoring")(
  "on its schedule it cleans up, checks health, shows metrics, and stops with 0 on SIGTERM",
  async () => {
    await events(100, past);
    const everySecond = {
      ORG_MAINTENANCE_CLEANUP_SCHEDULE: "* * * * * *",
      ORG_MAINTENANCE_HEALTH_SCHEDULE: "* * * * * *",
    };
    const service = start([], everySecond);
    await service.says("maintenance started");
    const address = /"address":"([^"]+)"/.exec(service.output())?.[1] ?? "";
    await service.says('"job":"cleanup"');
    await service.says('"score":');
    while ((await left()) > 0) await new Promise((resolve) => setTimeout(resolve, 50));
    await service.says('"old-security-events":100');
    expect(await models.AuditEvent.countDocuments({ action: "database.cleanup" })).toBeGreaterThan(0);
    expect(await models.SecurityEvent.countDocuments({ reasons: "AUTHENTICATION_OFF" })).toBe(1);
    const metrics = await (await fetch(`${address}/metrics`)).text();
    expect(metrics).toMatch(/maintenance_health_score \d+/);
    expect(metrics).toContain('maintenance_removed_documents_total{rule="old-security-events"} 100');
    expect((await fetch(`${address}/health/live`)).status).toBe(200);
    expect((await fetch(`${address}/other`)).status).toBe(404);
    service.child.kill("SIGTERM");
    expect((await service.exited).code, service.output()).toBe(0);
    expect(await lease()).toBeUndefined();
  },
);

test.each([
  [["--once", "nothing"], {}, "USAGE: no job nothing; jobs: cleanup, drift, health, storage"],
  [[], { MONGODB_URI: "" }, "CONFIG_INVALID: MONGODB_URI"],
  [
    ["--once"],
    { MONGODB_URI: "mongodb://127.0.0.1:1/x", ORG_MAINTENANCE_DATABASE_TIMEOUT_MS: "200" },
    "DATABASE_UNREACHABLE",
  ],
])("%j with %j says what is wrong in one line and exits with 1", async (args, env, message) => {
  const { exited, output } = start(args, env as Record<string, string>);
  expect((await exited).code).toBe(1);
  expect(output()).toContain(message);
  expect(output().trim().split("\n")).toHaveLength(1);
});
