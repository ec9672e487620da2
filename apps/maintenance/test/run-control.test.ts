import { setTimeout as wait } from "node:timers/promises";
import { mongo } from "mongoose";
import { describe, expect, test } from "vitest";
import type { Job, JobContext } from "../src/job.js";
import { leaseStore } from "../src/lease.js";
import { watchQueue } from "../src/queue.js";
import {
  type Controls,
  cancelRun,
  listRuns,
  pauseRun,
  queueRun,
  resumeRun,
  showRun,
} from "../src/run-control.js";
import { runJob } from "../src/run-job.js";
import { type RunDocument, runHistory } from "../src/runs.js";
import { steer } from "../src/steer.js";
import { job, useStore } from "./support/store.js";

const store = useStore();
const names = [
  { name: "test", pausable: true },
  { name: "moment", pausable: false },
];
const controls = (): Controls => ({
  history: runHistory(store.db(), 86_400_000),
  leases: leaseStore(store.db()),
  jobs: names,
  by: "ada",
});
const only = async () => (await listRuns(controls(), "test"))[0] as RunDocument;

/** A job of so many batches that heeds what is asked of it between two. */
function batches(count: number): Job {
  const run = async ({ signal, wanted, report }: JobContext) => {
    let done = 0;
    for (; done < count && wanted() !== "cancel" && !signal.aborted; ) {
      const isPaused = wanted() === "pause";
      report({
        progress: { done, total: count, rate: 50, etaMs: null, step: "batches" },
        paused: isPaused ? { reason: "requested", detail: "somebody asked" } : null,
      });
      if (!isPaused) done += 1;
      await wait(10);
    }
    return { result: { done }, interrupted: done < count };
  };
  return { ...job(run), pausable: true };
}

async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await holds())) await wait(20);
}
const isIn = (state: RunDocument["state"]) => until(async () => (await only())?.state === state);
const quick = { leaseMs: 600 };

describe("a run at work", () => {
  test("is paused with its reason, shows how far it is, and goes on when resumed", async () => {
    const running = runJob(store.runner("a", quick), batches(60));
    await until(async () => (await listRuns(controls())).length > 0);
    const { _id } = await only();
    await pauseRun(controls(), String(_id));
    await isIn("paused");
    const paused = await showRun(controls(), String(_id));
    expect(paused).toMatchObject({ reason: "requested", detail: "somebody asked", wantedBy: "ada" });
    expect(paused.progress).toMatchObject({ total: 60, step: "batches" });
    expect(await steer(controls(), "list")).toMatch(
      /test +paused \(pause asked for\) .*batches \d+ of 60 \(\d+ %\), 50 per second +somebody asked/,
    );
    await resumeRun(controls(), String(_id));
    expect(await running).toMatchObject({ state: "succeeded", result: { done: 60 } });
    const ended = await only();
    expect(ended).toMatchObject({ _id, state: "succeeded" });
    expect(ended).not.toHaveProperty("wanted");
    expect(ended).not.toHaveProperty("reason");
  });

  test("is cancelled between batches; one that does not ask is cancelled by its signal", async () => {
    const running = runJob(store.runner("a", quick), batches(100_000));
    await until(async () => (await listRuns(controls())).length > 0);
    await cancelRun(controls(), String((await only())._id));
    expect(await running).toMatchObject({ state: "cancelled" });
    expect(await only()).toMatchObject({ state: "cancelled", wantedBy: "ada" });
    const deaf = job(async ({ signal }) => {
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      return { result: {}, interrupted: true };
    });
    const second = runJob(store.runner("a", quick), deaf);
    await until(async () => (await only()).state === "running");
    await cancelRun(controls(), String((await only())._id));
    expect(await second).toMatchObject({ state: "cancelled" });
  });
});

describe("a run whose process died", () => {
  const dead = async (changes: Partial<RunDocument>) => {
    const run: RunDocument = {
      _id: new mongo.ObjectId(),
      job: "test",
      state: "paused",
      instance: "dead",
      fence: 0,
      startedAt: new Date("2026-01-01"),
      purgeAt: new Date("2100-01-01"),
      ...changes,
    };
    await controls().history.collection.insertOne(run);
    return run;
  };

  /** The lease of the one that died has run out. */
  const gone = () =>
    leaseStore(store.db()).collection.insertOne({
      _id: "test",
      owner: "dead",
      fence: 0,
      acquiredAt: new Date(0),
      expiresAt: new Date(1),
    });

  test("that was paused: the run that follows it is paused as well", async () => {
    const { _id } = await dead({ wanted: "pause", wantedBy: "ada" });
    const running = runJob(store.runner("b", quick), batches(3));
    await until(async () => (await only()).instance === "b" && (await only()).state === "paused");
    expect(await only()).toMatchObject({ continues: _id, wanted: "pause" });
    expect(await showRun(controls(), String(_id))).toMatchObject({
      state: "interrupted",
      reason: "process_lost",
    });
    await resumeRun(controls(), String((await only())._id));
    expect(await running).toMatchObject({ state: "succeeded" });
  });

  test("is cancelled at once, for nobody is there to do it, and waits for nothing any more", async () => {
    const { _id } = await dead({ reason: "requested", detail: "somebody asked" });
    await gone();
    const cancelled = await cancelRun(controls(), String(_id));
    expect(cancelled).toMatchObject({ state: "cancelled" });
    expect(cancelled).not.toHaveProperty("reason");
    expect(cancelled).not.toHaveProperty("detail");
  });

  test("is shown as what it is, before anybody has noted it", async () => {
    const { _id } = await dead({ state: "running" });
    await gone();
    const lost = { state: "interrupted", reason: "process_lost" };
    expect(await only()).toMatchObject({ _id, ...lost });
    expect(await showRun(controls(), String(_id))).toMatchObject(lost);
    expect(await steer(controls(), "list")).toContain("process_lost");
    expect(await store.db().collection("maintenance_runs").findOne()).toMatchObject({ state: "running" });
  });

  test("is queued when it is resumed, though no other run has noted that it died", async () => {
    const { _id } = await dead({ state: "running" });
    await gone();
    expect(await resumeRun(controls(), String(_id))).toMatchObject({ _id, state: "queued" });
    expect(await runJob(store.runner("b"), batches(2), { onlyQueued: true })).toMatchObject({
      state: "succeeded",
    });
  });

  test("is noted by an instance that is up, and the pause holds for the run that follows all the same", async () => {
    const { _id } = await dead({ state: "running", wanted: "pause", wantedBy: "ada" });
    await gone();
    const watch = watchQueue(store.runner("a", quick), [batches(2)], 20);
    const stored = () => store.db().collection("maintenance_runs").findOne({ _id });
    await until(async () => (await stored())?.state === "interrupted");
    await watch.stop();
    const running = runJob(store.runner("b", quick), batches(2));
    await isIn("paused");
    expect(await only()).toMatchObject({ continues: _id, wanted: "pause" });
    await resumeRun(controls(), String((await only())._id));
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
    await pauseRun(controls(), String((await only())._id));
    await isIn("paused");
    stopping.abort();
    expect(await first).toMatchObject({ state: "interrupted" });
    const second = runJob(store.runner("b", quick), batches(2));
    await isIn("paused");
    await resumeRun(controls(), String((await only())._id));
    expect(await second).toMatchObject({ state: "succeeded" });
  });

  test("that was to be cancelled is cancelled by the next holder, and not gone on with", async () => {
    const { _id } = await dead({ wanted: "cancel" });
    expect(await runJob(store.runner("b"), batches(2))).toMatchObject({ state: "succeeded" });
    expect(await showRun(controls(), String(_id))).toMatchObject({ state: "cancelled" });
  });
});

describe("a queued run", () => {
  test("is taken up once, by one of the instances that are up", async () => {
    const queued = await queueRun(controls(), "test");
    expect(queued).toMatchObject({ state: "queued", instance: "ada" });
    expect((await queueRun(controls(), "test"))._id).toEqual(queued._id);
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
    expect(await listRuns(controls())).toMatchObject([{ _id: queued._id, state: "succeeded" }]);
  });

  test("is cancelled at once, and begins paused when that was asked", async () => {
    const first = await queueRun(controls(), "test");
    expect(await cancelRun(controls(), String(first._id))).toMatchObject({ state: "cancelled" });
    const second = await queueRun(controls(), "test");
    await pauseRun(controls(), String(second._id));
    const running = runJob(store.runner("a", quick), batches(3), { onlyQueued: true });
    await isIn("paused");
    await resumeRun(controls(), String(second._id));
    expect(await running).toMatchObject({ ran: true, state: "succeeded" });
  });

  test("and nothing queued: nothing is run", async () => {
    const result = await runJob(store.runner("a"), batches(1), { onlyQueued: true });
    expect(result).toEqual({ ran: false, reason: "nothing_queued" });
    expect(await listRuns(controls())).toEqual([]);
  });

  test("is what a run becomes that was interrupted and is resumed", async () => {
    const stopping = AbortSignal.abort();
    expect(await runJob(store.runner("a", { stopping }), batches(5))).toMatchObject({ state: "interrupted" });
    const { _id } = await only();
    expect(await resumeRun(controls(), String(_id))).toMatchObject({ _id, state: "queued" });
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
    ["a run that is not there", () => pauseRun(controls(), String(new mongo.ObjectId())), "RUN_NOT_FOUND"],
    ["an id that is none", () => showRun(controls(), "x"), "RUN_NOT_FOUND"],
    ["a job that is not there", () => queueRun(controls(), "nothing"), "JOB_UNKNOWN"],
    ["a pause of what has ended", (id) => pauseRun(controls(), id), "RUN_ENDED"],
    ["a resume of what has ended", (id) => resumeRun(controls(), id), "RUN_ENDED"],
    ["a cancel of what has ended", (id) => cancelRun(controls(), id), "RUN_ENDED"],
  ])("%s", async (_name, act, code) => {
    await runJob(
      store.runner("a"),
      job(async () => undefined),
    );
    await expect(act(String((await only())._id))).rejects.toMatchObject({ code });
  });

  test("a pause of a job that is over in a moment", async () => {
    const { _id } = await queueRun(controls(), "moment");
    await expect(pauseRun(controls(), String(_id))).rejects.toMatchObject({ code: "JOB_NOT_PAUSABLE" });
  });

  test("a resume while another run is queued", async () => {
    const stopping = AbortSignal.abort();
    await runJob(store.runner("a", { stopping }), batches(5));
    const { _id } = await only();
    await queueRun(controls(), "test");
    await expect(resumeRun(controls(), String(_id))).rejects.toMatchObject({ code: "RUN_ACTIVE" });
  });

  test("a pause or a resume of a run that is being cancelled: the cancellation stands", async () => {
    const { _id } = await queueRun(controls(), "test");
    const { collection } = runHistory(store.db(), 86_400_000);
    await collection.updateOne({ _id }, { $set: { state: "running", fence: 9, wanted: "cancel" } });
    for (const change of [pauseRun, resumeRun])
      await expect(change(controls(), String(_id))).rejects.toMatchObject({ code: "RUN_CANCELLING" });
    expect(await only()).toMatchObject({ wanted: "cancel" });
  });
});

test("of runs that are resumed at once, one of a job is queued", async () => {
  const { collection } = runHistory(store.db(), 86_400_000);
  const ids = [];
  for (let run = 0; run < 5; run += 1) {
    const { _id } = await queueRun(controls(), "test");
    await collection.updateOne({ _id }, { $set: { state: "interrupted" } });
    ids.push(String(_id));
  }
  const resumed = await Promise.allSettled(ids.map((id) => resumeRun(controls(), id)));
  expect(resumed.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  for (const one of resumed)
    if (one.status === "rejected") expect(one.reason).toMatchObject({ code: "RUN_ACTIVE" });
  expect(await collection.countDocuments({ state: "queued" })).toBe(1);
  await Promise.all(Array.from({ length: 5 }, () => queueRun(controls(), "test")));
  expect(await collection.countDocuments({ state: "queued" })).toBe(1);
});
