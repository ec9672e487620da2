import { setTimeout as wait } from "node:timers/promises";
import { prepareRuns, type RunRecord } from "@org/db-optimizer/jobs";
import { expect, test } from "vitest";
import { runJob } from "../src/run-job.js";
import { scheduleJob } from "../src/schedule.js";
import { job, useStore } from "./support/store.js";

const store = useStore();
const collection = () => store.db().collection<RunRecord>("org_db_runs");
const runs = () => collection().find().sort({ fencing: 1 }).toArray();

test("notes what a run did, and counts it", async () => {
  const runner = store.runner("a");
  const outcome = { result: { removed: 3 }, interrupted: false };
  expect(
    await runJob(
      runner,
      job(async () => outcome),
    ),
  ).toMatchObject({ ran: true, state: "succeeded" });
  expect(await runs()).toMatchObject([
    { job: "test", state: "succeeded", instance: "a", fencing: 1, result: { removed: 3 } },
  ]);
  const metrics = await runner.metrics.registry.metrics();
  expect(metrics).toContain('maintenance_runs_total{job="test",state="succeeded"} 1');
  expect(metrics).toContain('maintenance_last_success_timestamp_seconds{job="test"}');
});

test("notes how a run failed, and leaves the lease to the next", async () => {
  const failing = job(async () => {
    throw Object.assign(new Error("no index"), { code: "RULE_NEEDS_INDEX" });
  });
  expect(await runJob(store.runner("a"), failing)).toMatchObject({ ran: true, state: "failed" });
  expect(await runs()).toMatchObject([{ state: "failed", error: { code: "RULE_NEEDS_INDEX" } }]);
  expect(await runJob(store.runner("b"), failing)).toMatchObject({ ran: true });
});

test("keeps the lease for longer than it lasts while the job runs", async () => {
  const long = runJob(
    store.runner("a", { leaseMs: 500 }),
    job(async () => void (await wait(1_200))),
  );
  await wait(900);
  expect(
    await runJob(
      store.runner("b"),
      job(async () => undefined),
    ),
  ).toMatchObject({ reason: "locked" });
  expect(await long).toMatchObject({ state: "succeeded" });
});

test("tells a job that the lease is lost, and counts its run as failed", async () => {
  const stolen = job(async ({ signal }) => {
    await store
      .db()
      .collection("org_db_leases")
      .updateOne({}, { $set: { owner: "thief" } });
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    return { result: {}, interrupted: true };
  });
  const result = await runJob(store.runner("a", { leaseMs: 500 }), stolen);
  expect(result).toMatchObject({ state: "failed", error: { code: "LEASE_LOST" } });
});

test("a run whose process died is noted as interrupted by the next holder", async () => {
  await runJob(
    store.runner("dead"),
    job(async () => undefined),
  );
  await collection().updateOne({}, { $set: { state: "running" } });
  await runJob(
    store.runner("a"),
    job(async () => undefined),
  );
  expect(await runs()).toMatchObject([
    { instance: "dead", state: "interrupted", reason: "process_lost" },
    { state: "succeeded" },
  ]);
});

test("the history's indexes are made once and fit its reads", async () => {
  await prepareRuns(store.database.connection);
  await prepareRuns(store.database.connection);
  const names = (await collection().listIndexes().toArray()).map(({ name }) => name);
  expect(names.sort()).toEqual(["_id_", "job_newest", "job_served"]);
});

test("of two instances on one schedule, one runs for each tick, however fast", async () => {
  let ran = 0;
  const quick = job(async () => {
    ran += 1;
    return undefined;
  });
  const second = () => Math.floor(Date.now() / 1_000);
  const first = second();
  const instances = ["a", "b"].map((name) => scheduleJob(store.runner(name), quick, "UTC"));
  await wait(3_400);
  const ticks = second() - first;
  await Promise.all(instances.map((instance) => instance.stop()));
  expect(ran).toBeGreaterThanOrEqual(2);
  expect(ran).toBeLessThanOrEqual(ticks);
});

test("an instance that was refused takes over when the holder has died, without waiting for the next tick", async () => {
  const leases = store.db().collection("org_db_leases");
  await leases.insertOne({
    _id: "test" as never,
    owner: "dead",
    fencing: 7,
    expiresAt: new Date(Date.now() + 3_500),
  });
  let ran = 0;
  const inTwoSeconds = new Date(Date.now() + 2_000);
  const hourly = {
    ...job(async () => {
      ran += 1;
      return undefined;
    }),
    schedule: `${inTwoSeconds.getUTCSeconds()} ${inTwoSeconds.getUTCMinutes()} * * * *`,
  };
  const scheduled = scheduleJob(store.runner("b", { leaseMs: 700 }), hourly, "UTC");
  await wait(5_500);
  await scheduled.stop();
  expect(ran).toBe(1);
  expect(await runs()).toMatchObject([{ fencing: 8, state: "succeeded" }]);
});

test("stopping waits for the run under way and starts nothing more", async () => {
  const stopping = new AbortController();
  let ended = 0;
  const slow = job(async ({ signal }) => {
    await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    await wait(200);
    ended += 1;
    return { result: {}, interrupted: true };
  });
  const scheduled = scheduleJob(store.runner("a", { stopping: stopping.signal }), slow, "UTC");
  await wait(1_300);
  stopping.abort();
  await scheduled.stop();
  expect(ended).toBe(1);
  expect(await runs()).toMatchObject([{ state: "interrupted" }]);
  // Interrupted means unfinished: another instance gets the lease for the same tick.
  expect((await runs())[0]).not.toHaveProperty("servedTo");
});
