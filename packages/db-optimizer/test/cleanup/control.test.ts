import { allNeed, useTemporaryDatabase } from "@org/dev-kit/vitest";
import fc from "fast-check";
import { type Connection, mongo } from "mongoose";
import { beforeEach, describe, expect, it } from "vitest";
import { type CleanupOptions, type CleanupRule, type ProgressReport, runCleanup } from "../../src/index.js";
import { controlRun, listRuns, type RunCommand } from "../../src/jobs/index.js";
import { intercepted } from "../support.js";

const now = new Date("2025-06-01T00:00:00.000Z");
const daysAgo = (days: number) => new Date(now.getTime() - days * 86_400_000);
const rule = { name: "old-logs", collection: "logs", field: "at", retentionSeconds: 30 * 86_400 };
const quick = { limits: { maxSlowdown: Number.POSITIVE_INFINITY, maxBatch: 100 }, throttle: { checkMs: 20 } };

allNeed("clusterMonitoring");
const database = useTemporaryDatabase({ label: "control", per: "test" });
const logs = () => database.connection.collection("logs");
const left = () => logs().countDocuments();
const jobs = ["cleanup"];
const control = (command: RunCommand, by?: string) =>
  controlRun(database.connection, { job: "cleanup" }, command, by);
const lastRun = async () => (await listRuns(database.connection, { jobs, limit: 1 }))[0];
const clean = (options: Partial<CleanupOptions> = {}, rules: CleanupRule[] = [rule]) =>
  runCleanup(database.connection, rules, { now, run: true, ...quick, ...options });

beforeEach(async () => {
  await logs().createIndex({ at: 1 });
  await logs().insertMany(Array.from({ length: 1_000 }, (_, n) => ({ at: daysAgo(31 + (n % 50)) })));
});

/** Calls back once, at the first event of this kind. */
function once(wanted: (event: ProgressReport) => boolean, then: () => Promise<unknown>) {
  let called = false;
  return (event: ProgressReport) => {
    if (called || !wanted(event)) return;
    called = true;
    void then();
  };
}

/** So many batches that somebody can come in between on any machine. */
const long = { limits: { maxSlowdown: Number.POSITIVE_INFINITY, maxBatch: 10 } };
const pause = () => control("pause", "ada");

describe("from outside", () => {
  it("pauses between batches, tells why and how long it would take, and goes on when told to", async () => {
    const events: ProgressReport[] = [];
    const onPause = once(
      // It is counted meanwhile.
      ({ paused, total }) => paused !== null && total !== null,
      async () => {
        const run = await lastRun();
        expect(run).toMatchObject({ state: "paused", reason: "requested", wanted: "pause", wantedBy: "ada" });
        await control("resume");
      },
    );
    const onBatch = once(() => true, pause);
    const report = await clean({
      ...long,
      onProgress: (event) => {
        events.push(event);
        onPause(event);
        onBatch(event);
      },
    });
    expect(report).toMatchObject({ stopped: false, rules: [{ deleted: 1_000 }] });
    const waiting = events.filter(({ paused }) => paused);
    expect(waiting[0]).toMatchObject({ paused: { reason: "requested" }, done: expect.any(Number) });
    expect(waiting.at(-1)!.etaMs).toBeGreaterThan(0);
    expect(report.pausedMs).toBeGreaterThan(0);
    expect(await lastRun()).toMatchObject({ state: "succeeded", pausedMs: report.pausedMs });
    expect(await lastRun()).not.toHaveProperty("reason");
  });

  it("cancels between batches; the next run starts over", async () => {
    const cancel = () => control("cancel");
    const first = await clean({ ...long, onProgress: once(() => true, cancel) });
    expect(first).toMatchObject({ stopped: true, stopReason: "cancelled" });
    expect(await lastRun()).toMatchObject({ state: "cancelled" });
    expect(await left()).toBeGreaterThan(0);
    expect(await clean()).toMatchObject({ resumed: false, stopped: false });
    expect(await left()).toBe(0);
  });

  it("a pause outlives the process: the next process that continues the run waits as well", async () => {
    const stop = new AbortController();
    const first = await clean({
      // With some regard for reads it is counted before the first batch.
      limits: { maxSlowdown: 1_000, maxBatch: 100 },
      signal: stop.signal,
      onProgress: ({ paused }) => {
        if (!paused) stop.abort();
      },
    });
    expect(first).toMatchObject({ stopped: true, stopReason: "signal", rules: [{ deleted: 100 }] });
    expect(await lastRun()).toMatchObject({ state: "interrupted", steps: [{ done: 100, total: 1_000 }] });
    await pause();
    const resume = () => control("resume");
    const seen: ProgressReport[] = [];
    // The earlier process's count is reported until this one has counted.
    const resuming = once(({ paused }) => paused !== null, resume);
    const second = await clean({
      onProgress: (event) => {
        seen.push(event);
        resuming(event);
      },
    });
    expect(seen[0]).toMatchObject({ done: 100, total: 1_000, paused: { reason: "requested" } });
    expect(second).toMatchObject({
      runId: first.runId,
      resumed: true,
      rules: [{ matched: 900, deleted: 900 }],
    });
    expect(await lastRun()).toMatchObject({ state: "succeeded", steps: [{ done: 1_000, batches: 10 }] });
  });

  it("cancels at once what no process runs any more, and refuses when nothing is open", async () => {
    const stop = new AbortController();
    await clean({ signal: stop.signal, onProgress: () => stop.abort() });
    expect(await control("cancel")).toMatchObject({ state: "cancelled" });
    for (const command of ["pause", "resume", "cancel"] as const) {
      await expect(control(command)).rejects.toMatchObject({ code: "NO_RUN" });
    }
    expect(await clean()).toMatchObject({ resumed: false });
  });

  it("a run of other rules does not go on where this one was", async () => {
    const stop = new AbortController();
    await clean({ signal: stop.signal, onProgress: () => stop.abort() });
    const other = { ...rule, retentionSeconds: 60 * 86_400 };
    expect(await clean({}, [other])).toMatchObject({ resumed: false });
    expect(await logs().countDocuments({ at: { $gte: daysAgo(60) } })).toBe(await left());
    expect(await left()).toBeGreaterThan(0);
  });
});

describe("the members of a replica set", () => {
  const at = (ms: number) => new Date(1_700_000_000_000 + ms);
  const hours = (count: number) => new mongo.Timestamp({ t: 1_700_000_000 + count * 3_600, i: 1 });

  /** A set of two whose secondary is behind by what is told, look by look; and further answers, by command. */
  function setOfTwo(lags: number[], answers: Record<string, () => object> = {}) {
    return intercepted(database.connection, (command) => {
      const [name = ""] = Object.keys(command);
      if (name !== "replSetGetStatus") return answers[name]?.();
      const lag = (lags.length > 1 ? lags.shift() : lags[0]) ?? 0;
      return {
        members: [
          { state: 1, optimeDate: at(9_000) },
          { state: 2, optimeDate: at(9_000 - lag) },
        ],
      };
    });
  }
  const cleanOn = (connection: Connection, options: Partial<CleanupOptions> = {}) =>
    runCleanup(connection, [rule], { now, run: true, ...quick, ...options });

  it("are reported before, during and after", async () => {
    const { lag } = await cleanOn(setOfTwo([100, 700, 300]), {
      limits: { maxSlowdown: Number.POSITIVE_INFINITY },
    });
    expect(lag).toEqual({ before: 100, during: 700, after: 300 });
  });

  it.each<[string, Record<string, () => object>]>([
    [
      "oplog_short",
      { serverStatus: () => ({ oplog: { earliestOptime: hours(0), latestOptime: hours(0.5) } }) },
    ],
    ["disk_low", { dbStats: () => ({ fsUsedSize: 99, fsTotalSize: 100 }) }],
  ])("%s: it waits before the first batch, and says for what", async (reason, answers) => {
    const stop = new AbortController();
    const waits: unknown[] = [];
    const report = await cleanOn(setOfTwo([0], answers), {
      signal: stop.signal,
      onProgress: ({ paused, done }) => {
        waits.push([paused?.reason, done]);
        stop.abort();
      },
    });
    expect(waits).toEqual([[reason, 0]]);
    expect(report).toMatchObject({ stopped: true, rules: [{ deleted: 0 }] });
  });
});

describe("a window", () => {
  it("pauses outside, works inside, wherever the clock jumps", async () => {
    // Out of the window, in it, out again by a jump back of a year, and in it.
    const times = [
      "2025-06-01T12:00:00Z",
      "2025-06-02T02:00:00Z",
      "2024-06-01T12:00:00Z",
      "2025-06-02T03:00:00Z",
    ];
    let asked = 0;
    const waits: unknown[] = [];
    const report = await clean({
      window: { from: "01:00", to: "05:00" },
      clock: () => new Date(times[Math.min(Math.floor(asked++ / 4), times.length - 1)] ?? ""),
      onProgress: ({ paused }) => void (paused && waits.push(paused.reason)),
    });
    expect(new Set(waits)).toEqual(new Set(["window"]));
    expect(report.rules[0]).toMatchObject({ deleted: 1_000 });
  });

  it("tells when it will be through: after it has opened", async () => {
    const stop = new AbortController();
    await clean({ signal: stop.signal, onProgress: () => stop.abort() });
    let told: ProgressReport | undefined;
    const noon = new Date("2025-06-01T12:00:00Z");
    const again = new AbortController();
    await clean({
      signal: again.signal,
      window: { from: "13:00", to: "14:00" },
      clock: () => noon,
      onProgress: (event) => {
        told = event;
        // It is counted meanwhile.
        if (event.total !== null) again.abort();
      },
    });
    expect(told).toMatchObject({ paused: { reason: "window", detail: "it works from 13:00 to 14:00, UTC" } });
    expect(told!.etaMs).toBeGreaterThan(3_600_000);
  });

  it("that is no window is refused", async () => {
    const refused = clean({ window: { from: "1", to: "05:00" } });
    await expect(refused).rejects.toMatchObject({ code: "INVALID_OPTIONS" });
  });
});

describe("a dry run", () => {
  it("estimates time by what earlier runs measured", async () => {
    const dry = () => clean({ run: false });
    expect((await dry()).rules[0]).toMatchObject({
      matched: 1_000,
      estimate: { basis: "assumed", ms: 1_000 },
    });
    await clean();
    await logs().insertMany(Array.from({ length: 50 }, () => ({ at: daysAgo(90) })));
    const { estimate } = (await dry()).rules[0]!;
    expect(estimate.basis).toBe("measured");
    expect(estimate.ms).toBeGreaterThan(0);
    expect(await listRuns(database.connection, { jobs })).toHaveLength(1);
  });
});

describe("whatever the documents and rules", () => {
  const date = fc.integer({ min: -60, max: 5 }).map(daysAgoOf);
  const value = fc.oneof(date, fc.constantFrom("2001-01-01", null, 0));
  const document = fc.record(
    { at: value, seen: value, level: fc.constantFrom("a", "b", "c") },
    { requiredKeys: [] },
  );
  const someRule = fc.record({
    field: fc.constantFrom("at", "seen"),
    days: fc.integer({ min: 0, max: 50 }),
    level: fc.option(fc.constantFrom("a", "b"), { nil: undefined }),
  });

  function daysAgoOf(days: number): Date {
    return daysAgo(-days);
  }

  it("the survivors are exactly those that no rule names", async () => {
    await logs().createIndex({ seen: 1 });
    const samples = fc.tuple(
      fc.array(document, { maxLength: 60 }),
      fc.array(someRule, { minLength: 1, maxLength: 3 }),
    );
    await fc.assert(
      fc.asyncProperty(samples, async ([documents, kinds]) => {
        await logs().deleteMany({});
        const numbered = documents.map((one, n) => ({ ...one, n }));
        if (numbered.length > 0) await logs().insertMany(numbered);
        const rules = kinds.map(({ field, days, level }, n) => ({
          name: `rule-${n}`,
          collection: "logs",
          field,
          retentionSeconds: days * 86_400,
          ...(level && { where: { level } }),
        }));
        await clean({ limits: { maxSlowdown: Number.POSITIVE_INFINITY, maxBatch: 7 } }, rules);
        const isNamed = (one: Record<string, unknown>) =>
          kinds.some(({ field, days, level }) => {
            const at = one[field];
            return at instanceof Date && at < daysAgo(days) && (level === undefined || one.level === level);
          });
        const survivors = (await logs().find().sort({ n: 1 }).toArray()).map(({ n }) => n);
        expect(survivors).toEqual(numbered.filter((one) => !isNamed(one)).map(({ n }) => n));
      }),
      { numRuns: 25, seed: Number(process.env.TEST_SEED ?? 20_961_124) },
    );
  });
});
