import { setTimeout as wait } from "node:timers/promises";
import { type RunRecord, showRun } from "@org/db-optimizer/jobs";
import { allNeed } from "@org/dev-kit/vitest";
import { mongo } from "mongoose";
import { describe, expect, test } from "vitest";
import { watchQueue } from "../src/queue.js";
import { type Controls, queueJob, runsOfJobs, steerRun } from "../src/run-control.js";
import { runJob } from "../src/run-job.js";
import { steer } from "../src/steer.js";
import { batches, job, runRecord, useStore } from "./support/store.js";

// A job in batches waits for a load that its user may not read.
allNeed("clusterMonitoring");
const store = useStore();
const jobs = [
  { name: "test", job: "test", isResumable: true },
  { name: "moment", job: "moment", isResumable: false },
];
const controls = (): Controls => ({ connection: store.database.connection, jobs, by: "ada" });
const runs = () => store.db().collection<RunRecord>("org_db_runs");
const listed = (job?: string) => runsOfJobs(controls(), job === undefined ? {} : { job });
const show = (id: string) => showRun(store.database.connection, id);
const pauseRun = (id: string) => steerRun(controls(), "pause", id);
const resumeRun = (id: string) => steerRun(controls(), "resume", id);
const cancelRun = (id: string) => steerRun(controls(), "cancel", id);
const queueRun = (name: string) => queueJob(controls(), name);
const only = async () => (await listed("test"))[0] as RunRecord;

async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await holds())) await wait(20);
}
const isIn = (state: RunRecord["state"]) => until(async () => (await only())?.state === state);
const quick = { leaseMs: 600 };

describe("a run at work", () => {
  test("is paused with its reason, shows how far it is, and goes on when resumed", async () => {
    const running = runJob(store.runner("a", quick), batches(60));
    await until(async () => (await listed()).length > 0);
    const { _id } = await only();
    await pauseRun(_id);
    await isIn("paused");
    const paused = await show(_id);
    expect(paused).toMatchObject({
      reason: "requested",
      detail: "a user asked for a pause",
      wantedBy: "ada",
    });
    expect(paused.progress).toMatchObject({ total: 60, step: "batches" });
    expect(await steer(controls(), "list")).toMatch(
      /test +paused \(pause asked for\) .*batches: \d+ of 60 \(\d+ %\), \d+ per \w+, .* left +a user asked/,
    );
    await resumeRun(_id);
    expect(await running).toMatchObject({ state: "succeeded", result: { done: 60 } });
    const ended = await only();
    expect(ended).toMatchObject({ _id, state: "succeeded" });
    expect(ended).not.toHaveProperty("wanted");
    expect(ended).not.toHaveProperty("reason");
  });

  test("is cancelled between batches; one that does not ask is cancelled by its signal", async () => {
    const running = runJob(store.runner("a", quick), batches(100_000));
    await until(async () => (await listed()).length > 0);
    await cancelRun((await only())._id);
    expect(await running).toMatchObject({ state: "cancelled" });
    expect(await only()).toMatchObject({ state: "cancelled", wantedBy: "ada" });
    const deaf = job(async ({ signal }) => {
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      return { result: {}, interrupted: true };
    });
    const second = runJob(store.runner("a", quick), deaf);
    await until(async () => (await only()).state === "running");
    await cancelRun((await only())._id);
    expect(await second).toMatchObject({ state: "cancelled" });
  });
});

describe("a run whose process died", () => {
  const dead = async (changes: Partial<RunRecord>) => {
    const run = runRecord({ state: "paused", instance: "dead", ...changes });
    await runs().insertOne(run);
    await gone();
    return run;
  };

  /** The lease of the one that died has run out. */
  const gone = () =>
    store
      .db()
      .collection<mongo.Document & { _id: string }>("org_db_leases")
      .insertOne({ _id: "test", owner: "dead", fencing: 1, expiresAt: new Date(1) });

  test("that was paused: the run that follows it is paused as well", async () => {
    const { _id } = await dead({ wanted: "pause", wantedBy: "ada" });
    const running = runJob(store.runner("b", quick), batches(3));
    await until(async () => (await only()).instance === "b" && (await only()).state === "paused");
    const left = [{ instance: "dead", state: "interrupted", reason: "process_lost" }];
    expect(await only()).toMatchObject({ _id, wanted: "pause", before: left });
    await resumeRun((await only())._id);
    expect(await running).toMatchObject({ state: "succeeded" });
  });

  test("is cancelled at once, for nobody is there to do it, and waits for nothing any more", async () => {
    const { _id } = await dead({ reason: "requested", detail: "somebody asked" });
    const cancelled = await cancelRun(_id);
    expect(cancelled).toMatchObject({ state: "cancelled" });
    expect(cancelled).not.toHaveProperty("reason");
    expect(cancelled).not.toHaveProperty("detail");
  });

  test("is shown as what it is, before anybody has noted it", async () => {
    const { _id } = await dead({ state: "running" });
    const lost = { state: "interrupted", reason: "process_lost" };
    expect(await only()).toMatchObject({ _id, ...lost });
    expect(await show(_id)).toMatchObject(lost);
    expect(await steer(controls(), "list")).toContain("process_lost");
    expect(await runs().findOne()).toMatchObject({ state: "running" });
  });

  test("is queued when it is resumed, though no other run has noted that it died", async () => {
    const { _id } = await dead({ state: "running" });
    expect(await resumeRun(_id)).toMatchObject({ _id, state: "queued" });
    expect(await runJob(store.runner("b"), batches(2), { onlyQueued: true })).toMatchObject({
      state: "succeeded",
    });
  });

  test("is noted by an instance that is up, and the pause holds for the run that follows all the same", async () => {
    const { _id } = await dead({ state: "running", wanted: "pause", wantedBy: "ada" });
    const watch = watchQueue(store.runner("a", quick), [batches(2)], 20);
    const stored = () => runs().findOne({ _id });
    await until(async () => (await stored())?.state === "interrupted");
    await watch.stop();
    const running = runJob(store.runner("b", quick), batches(2));
    await isIn("paused");
    expect(await only()).toMatchObject({ _id, wanted: "pause", before: [{ instance: "dead" }] });
    await resumeRun((await only())._id);
    expect(await running).toMatchObject({ state: "succeeded" });
  });

  test("a run at work is not noted as lost by the others", async () => {
    const watch = watchQueue(store.runner("b", quick), [batches(2)], 20);
    expect(await runJob(store.runner("a", quick), batches(100))).toMatchObject({ state: "succeeded" });
    await watch.stop();
    expect(await only()).toMatchObject({ state: "succeeded", instance: "a" });
  });

  test("that was stopped while it was paused: the run that follows is paused as well", async () => {
    const stopping = new AbortController();
    const first = runJob(store.runner("a", { ...quick, stopping: stopping.signal }), batches(50));
    await isIn("running");
    await pauseRun((await only())._id);
    await isIn("paused");
    stopping.abort();
    expect(await first).toMatchObject({ state: "interrupted" });
    const second = runJob(store.runner("b", quick), batches(50));
    await isIn("paused");
    await resumeRun((await only())._id);
    expect(await second).toMatchObject({ state: "succeeded" });
  });

  test("that was to be cancelled is cancelled by the next holder, and not gone on with", async () => {
    const { _id } = await dead({ state: "cancelling" });
    expect(await runJob(store.runner("b"), batches(2))).toMatchObject({ state: "succeeded" });
    expect(await show(_id)).toMatchObject({ state: "cancelled" });
  });
});

describe("a queued run", () => {
  test("is taken up once, by one of the instances that are up", async () => {
    const queued = await queueRun("test");
    expect(queued).toMatchObject({ state: "queued", instance: "ada" });
    expect((await queueRun("test"))._id).toEqual(queued._id);
    let ran = 0;
    const counting = job(async () => {
      ran += 1;
      return undefined;
    });
    const watches = ["a", "b"].map((name) => watchQueue(store.runner(name, quick), [counting], 30));
    await isIn("succeeded");
    await wait(200);
    await Promise.all(watches.map((watch) => watch.stop()));
    expect(ran).toBe(1);
    expect(await listed()).toMatchObject([{ _id: queued._id, state: "succeeded" }]);
  });

  test("is cancelled at once, and begins paused when that was asked", async () => {
    const first = await queueRun("test");
    expect(await cancelRun(first._id)).toMatchObject({ state: "cancelled" });
    const second = await queueRun("test");
    await pauseRun(second._id);
    const running = runJob(store.runner("a", quick), batches(3), { onlyQueued: true });
    await isIn("paused");
    await resumeRun(second._id);
    expect(await running).toMatchObject({ ran: true, state: "succeeded" });
  });

  test("and nothing queued: nothing is run", async () => {
    const result = await runJob(store.runner("a"), batches(1), { onlyQueued: true });
    expect(result).toEqual({ ran: false, reason: "nothing_queued" });
    expect(await listed()).toEqual([]);
  });

  test("is what a run becomes that was interrupted and is resumed", async () => {
    const stopping = AbortSignal.abort();
    expect(await runJob(store.runner("a", { stopping }), batches(5))).toMatchObject({ state: "interrupted" });
    const { _id } = await only();
    expect(await resumeRun(_id)).toMatchObject({ _id, state: "queued" });
    expect(await runJob(store.runner("b"), batches(5), { onlyQueued: true })).toMatchObject({
      state: "succeeded",
    });
    const done = await only();
    expect(done).toMatchObject({ _id, state: "succeeded", instance: "b" });
    expect(done).not.toHaveProperty("reason");
  });
});

describe("what cannot be done has a code", () => {
  test.each<[string, (id: string) => Promise<unknown>, string]>([
    ["a run that is not there", () => pauseRun(String(new mongo.ObjectId())), "RUN_NOT_FOUND"],
    ["an id that is none", () => show("x"), "RUN_NOT_FOUND"],
    ["a job that is not there", () => queueRun("nothing"), "JOB_UNKNOWN"],
    ["a pause of what has ended", (id) => pauseRun(id), "RUN_ENDED"],
    ["a resume of what has ended", (id) => resumeRun(id), "RUN_ENDED"],
    ["a cancel of what has ended", (id) => cancelRun(id), "RUN_ENDED"],
  ])("%s", async (_name, act, code) => {
    await runJob(
      store.runner("a"),
      job(async () => undefined),
    );
    await expect(act((await only())._id)).rejects.toMatchObject({ code });
  });

  test("a pause of a job that is over in a moment", async () => {
    const { _id } = await queueRun("moment");
    await expect(pauseRun(_id)).rejects.toMatchObject({ code: "JOB_NOT_PAUSABLE" });
  });

  test("a resume while another run is queued", async () => {
    const stopping = AbortSignal.abort();
    await runJob(store.runner("a", { stopping }), batches(5));
    const { _id } = await only();
    await queueRun("test");
    await expect(resumeRun(_id)).rejects.toMatchObject({ code: "RUN_ACTIVE" });
  });

  test("a pause or a resume of a run that is being cancelled: the cancellation stands", async () => {
    const { _id } = await queueRun("test");
    await runs().updateOne({ _id }, { $set: { state: "cancelling", fencing: 9 } });
    const held = { _id: "test", owner: "x", fencing: 9, expiresAt: new Date("2100-01-01") };
    await store.db().collection<mongo.Document & { _id: string }>("org_db_leases").insertOne(held);
    for (const change of [pauseRun, resumeRun])
      await expect(change(_id)).rejects.toMatchObject({ code: "RUN_CANCELLING" });
    expect(await only()).toMatchObject({ state: "cancelling" });
  });
});

test("of runs that are resumed at once, one of a job is queued", async () => {
  const ids = [];
  for (let run = 0; run < 5; run += 1) {
    const { _id } = await queueRun("test");
    await runs().updateOne({ _id }, { $set: { state: "interrupted" } });
    ids.push(_id);
  }
  const resumed = await Promise.allSettled(ids.map((id) => resumeRun(id)));
  expect(resumed.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  for (const one of resumed)
    if (one.status === "rejected") expect(one.reason).toMatchObject({ code: "RUN_ACTIVE" });
  expect(await runs().countDocuments({ state: "queued" })).toBe(1);
  await Promise.all(Array.from({ length: 5 }, () => queueRun("test")));
  expect(await runs().countDocuments({ state: "queued" })).toBe(1);
});
