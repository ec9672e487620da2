// Which scheduled times are run, by the database's clock. After public reports: quartz ("clocks must be in sync"), kubernetes
// leader election and CronJob's startingDeadlineSeconds, bree and agenda (missed jobs).

import { attemptJob, type RunRecord } from "@org/db-optimizer/jobs";
import { afterEach, expect, test } from "vitest";
import type { Runner } from "../src/run-job.js";
import { type Scheduled, scheduleJob } from "../src/schedule.js";
import { job, useStore } from "./support/store.js";

const store = useStore();
const hour = 3_600_000;
const scheduled: Scheduled[] = [];
afterEach(() => Promise.all(scheduled.splice(0).map((one) => one.stop())));

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
async function until(what: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await what())) await wait(20);
}

/** A database whose clock shows this when it is asked first, and goes on from there. */
function clockFrom(iso: string): () => Date {
  const began = performance.now();
  return () => new Date(Date.parse(iso) + performance.now() - began);
}

const clock = (shown: () => Date) => async () => shown();

function counting(schedule: string) {
  const runs: number[] = [];
  return {
    runs,
    job: { ...job(() => void runs.push(performance.now())), schedule },
  };
}

function start(runner: Partial<Runner>, what: ReturnType<typeof counting>, timezone = "UTC"): Scheduled {
  const one = scheduleJob(store.runner("a", runner), what.job, timezone);
  scheduled.push(one);
  return one;
}

const daily = "30 3 * * *";
const done = (iso: string) =>
  store
    .db()
    .collection<RunRecord>("org_db_runs")
    .findOne({ job: "test", servedTo: new Date(iso) });

async function ranLast(iso: string): Promise<void> {
  const tick = new Date(iso);
  const occasion = { tick, servedTo: async () => tick };
  const work = async () => ({ value: undefined, interrupted: false });
  await attemptJob(store.database.connection, { job: "test", isResumable: false }, { occasion }, work);
}

test("the database's clock decides what is due, whatever this machine's says", async () => {
  const what = counting(daily);
  const one = start({ now: clock(clockFrom("2031-05-04T03:29:59.700Z")) }, what);
  await until(() => what.runs.length === 1);
  await until(async () => (await done("2031-05-04T03:30:00.000Z")) !== null);
  expect(one.next()).toEqual(new Date("2031-05-05T03:30:00.000Z"));
});

test("a run is not begun before its time by the database's clock", async () => {
  const what = counting(daily);
  start({ now: clock(clockFrom("2031-05-04T03:29:00.000Z")) }, what);
  await wait(400);
  expect(what.runs).toHaveLength(0);
});

test("a time at which no instance was up is made up for, once, within the deadline", async () => {
  await ranLast("2031-05-02T03:30:00Z");
  const what = counting(daily);
  start({ now: clock(clockFrom("2031-05-04T04:10:00Z")), startingDeadlineMs: hour }, what);
  await until(async () => (await done("2031-05-04T03:30:00.000Z")) !== null);
  await wait(200);
  expect(what.runs).toHaveLength(1);
});

test("beyond the deadline it is missed, and said so", async () => {
  await ranLast("2031-05-03T03:30:00Z");
  const what = counting(daily);
  const runner = store.runner("a", {
    now: clock(clockFrom("2031-05-04T04:31:00Z")),
    startingDeadlineMs: hour,
  });
  scheduled.push(scheduleJob(runner, what.job, "UTC"));
  const missed = 'maintenance_runs_refused_total{job="test",reason="missed"} 1';
  await until(async () => (await runner.metrics.registry.metrics()).includes(missed));
  expect(what.runs).toHaveLength(0);
});

test("a job that never ran waits for its first time", async () => {
  const what = counting(daily);
  start({ now: clock(clockFrom("2031-05-04T03:31:00Z")) }, what);
  await wait(400);
  expect(what.runs).toHaveLength(0);
});

test("a bookmark from a time that is yet to come, left by a clock that was wrong, stops nothing", async () => {
  await ranLast("2036-01-01T00:00:00Z");
  const what = counting(daily);
  start({ now: clock(clockFrom("2031-05-04T03:29:59.700Z")) }, what);
  await until(async () => (await done("2031-05-04T03:30:00.000Z")) !== null);
  expect(what.runs).toHaveLength(1);
});

test("a database that is away at the time is asked again until it is back", async () => {
  const shown = clockFrom("2031-05-04T03:29:59.900Z");
  let refused = 0;
  const away = async () => {
    if (shown() > new Date("2031-05-04T03:30:00Z") && refused < 2) {
      refused += 1;
      throw new Error("away");
    }
    return shown();
  };
  const what = counting(daily);
  start({ now: away }, what);
  await until(() => what.runs.length === 1);
  expect(refused).toBe(2);
});

test.each([
  ["of a database that went away", { name: "MongoNetworkError", message: "gone" }, 2],
  ["of the job itself", { message: "broken" }, 1],
])("a run that failed %s is made %#: again, or not until the next time", async (_name, error, times) => {
  let ran = 0;
  const failing = {
    ...job(() => {
      ran += 1;
      if (ran === 1) throw Object.assign(new Error(error.message), error);
      return undefined;
    }),
    schedule: daily,
  };
  const one = scheduleJob(
    store.runner("a", { now: clock(clockFrom("2031-05-04T03:29:59.900Z")) }),
    failing,
    "UTC",
  );
  scheduled.push(one);
  await until(async () => (await done("2031-05-04T03:30:00.000Z")) !== null);
  expect(ran).toBe(times);
});

test("times that come up during a run are served by it", async () => {
  let ran = 0;
  const slow = {
    ...job(async () => {
      ran += 1;
      await wait(2_300);
      return undefined;
    }),
    schedule: "57-59 58 3 * * *",
  };
  scheduled.push(
    scheduleJob(store.runner("a", { now: clock(clockFrom("2031-05-04T03:58:56.900Z")) }), slow, "UTC"),
  );
  // The last second that is due, 03:58:59, falls into the run.
  await until(async () => (await done("2031-05-04T03:58:59.000Z")) !== null);
  await wait(500);
  expect(ran).toBe(1);
});

test("stopping does not wait for a server that hangs", async () => {
  const what = counting(daily);
  const hanging = () => new Promise<Date>(() => undefined);
  const one = start({ now: hanging }, what);
  await wait(50);
  await one.stop();
  expect(what.runs).toHaveLength(0);
});
