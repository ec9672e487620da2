// The one engine, over each kind of task: what is promised of a run holds whatever its work is.
import { allNeed, useTemporaryDatabase } from "@org/dev-kit/vitest";
import type { Connection, mongo } from "mongoose";
import { afterEach, describe, expect, test, vi } from "vitest";
import { migrateUp, type ProgressReport, runCleanup } from "../../src/index.js";
import {
  attemptJob,
  controlRun,
  type JobOptions,
  listRuns,
  queueRun,
  type RunRecord,
  Work,
} from "../../src/jobs/index.js";
import { scanStorage } from "../../src/storage/index.js";
import { boxesMigration, fillBoxes } from "../children/boxes.js";
import { answeringWrites, serverError } from "../support.js";

allNeed("clusterMonitoring");
const database = useTemporaryDatabase({ label: "engine", per: "test" });
const limits = { maxSlowdown: Number.POSITIVE_INFINITY, maxBatch: 4 };
const now = new Date("2025-06-01T00:00:00.000Z");

interface KindOptions extends Pick<JobOptions, "signal" | "leaseMs" | "instance"> {
  readonly onProgress?: (progress: ProgressReport) => void;
}

/** A kind of task: what there is to do, how it is run, and whether all of it is done. */
interface Kind {
  readonly job: string;
  /** Documents that a batch of it counts; a box is four of the new layout. */
  readonly batch: number;
  seed(): Promise<unknown>;
  /** Throws what the run failed with, `ABORTED` or `CANCELLED` if it was stopped. */
  run(connection: Connection, options?: KindOptions): Promise<unknown>;
  isDone(): Promise<boolean>;
}

const collection = (name: string) => database.connection.collection(name);

const cleanup: Kind = {
  job: "cleanup",
  batch: 4,
  seed: async () => {
    await collection("logs").createIndex({ at: 1 });
    await collection("logs").insertMany(Array.from({ length: 60 }, () => ({ at: new Date(0) })));
  },
  run: async (connection, options) => {
    const rule = { name: "old", collection: "logs", field: "at", retentionSeconds: 1 };
    const { stopReason } = await runCleanup(connection, [rule], { now, run: true, limits, ...options });
    if (stopReason) throw Object.assign(new Error(stopReason), { code: "ABORTED" });
  },
  isDone: async () => (await collection("logs").countDocuments()) === 0,
};

const migration: Kind = {
  job: "migrate:boxes",
  batch: 1,
  seed: () => fillBoxes(database.connection, 15),
  run: (connection, options) =>
    migrateUp(connection, boxesMigration(), { now: () => new Date(), limits, ...options }, "backfill"),
  isDone: async () => (await collection("things").countDocuments()) === 45,
};

const scan: Kind = {
  job: "storage",
  batch: 4,
  seed: () =>
    collection("posts").insertMany(
      Array.from({ length: 60 }, (_, n) => ({ tags: Array.from({ length: n === 41 ? 30 : 2 }, () => "a") })),
    ),
  run: async (connection, options) => {
    const { stopReason } = await scanStorage(connection, { storage: { sample: 1 }, limits, ...options });
    if (stopReason) throw Object.assign(new Error(stopReason), { code: "ABORTED" });
  },
  isDone: async () => {
    const run = (await listRuns(database.connection, { jobs: ["storage"] }))[0];
    return run?.state === "succeeded" && run.result?.documents === 60;
  },
};

/** A task of somebody's own, as `attemptJob` and `Work` offer it. */
const own: Kind = {
  job: "own",
  batch: 4,
  seed: async () => undefined,
  run: async (connection, { onProgress, ...options } = {}) => {
    const outcome = await attemptJob(connection, { job: "own", isResumable: true }, options, async (run) => {
      const work = new Work(connection.db as mongo.Db, run, run.signal, { limits, onProgress });
      const from = work.stateOf("numbers", "numbers", "");
      let next = typeof from.cursor === "number" ? from.cursor : 0;
      const { stop } = await work.carryOut<number>({
        step: "numbers",
        name: "Numbers",
        details: {},
        collection: "numbers",
        watched: [],
        from,
        count: async () => 60 - from.done,
        batches: {
          hasMore: async () => next < 60,
          next: async (most) => Array.from({ length: Math.min(most, 60 - next) }, (_, at) => next + at),
          take: (items) => {
            next += items;
          },
        },
        cursor: () => next,
        process: async (numbers) => {
          await run.lease.confirmIfStale();
          const written = numbers.map((n) => ({
            updateOne: { filter: { n }, update: { $set: { n } }, upsert: true },
          }));
          await collection("numbers").bulkWrite(written);
          return numbers.length;
        },
      });
      return { value: undefined, interrupted: stop !== null };
    });
    if (outcome.ran && "error" in outcome) throw outcome.error;
    if (outcome.ran && outcome.record.state !== "succeeded")
      throw Object.assign(new Error(outcome.record.state), { code: "ABORTED" });
  },
  isDone: async () => (await collection("numbers").countDocuments()) === 60,
};

const kinds = [
  ["cleanup", cleanup] as const,
  ["migration", migration] as const,
  ["a scan of the storage", scan] as const,
  ["a task of one's own", own] as const,
];

const runs = () => collection("org_db_runs") as unknown as mongo.Collection<RunRecord>;
const last = async ({ job }: Kind) => (await listRuns(database.connection, { jobs: [job] }))[0] as RunRecord;
const aborted = (running: Promise<unknown>) => expect(running).rejects.toMatchObject({ code: "ABORTED" });

/** Does something after the first batch, and lets the run go on meanwhile. */
function afterFirst(act: () => unknown): (progress: ProgressReport) => void {
  let called = false;
  return ({ paused }) => {
    if (called || paused) return;
    called = true;
    act();
  };
}

/** Holds the event loop's batches back until something that was begun after the first of them is done. */
function holdingAfterFirst(connection: Connection, act: () => Promise<unknown>): Connection {
  let writes = 0;
  return answeringWrites(connection, "org_db_runs", {
    findOneAndUpdate: async (send, _filter, update) => {
      const isCheckpoint = "progress" in ((update as { $set?: object }).$set ?? {});
      const written = await send();
      if (isCheckpoint && writes++ === 0) await act();
      return written;
    },
  });
}

describe.each(kinds)("a run of %s", (_name, kind) => {
  test("has one lease and one record, with its progress, holder and result, by the database's clock", async () => {
    await kind.seed();
    const reports: ProgressReport[] = [];
    await kind.run(database.connection, { instance: "ada", onProgress: (one) => void reports.push(one) });
    expect(await kind.isDone()).toBe(true);
    const run = await last(kind);
    expect(run).toMatchObject({ state: "succeeded", instance: "ada", fencing: 1, before: [] });
    expect(reports[0]).toMatchObject({
      runId: run._id,
      done: kind.batch,
      batchSize: expect.any(Number),
      paused: null,
    });
    expect(run.progress).toMatchObject({ done: run.steps[0]?.done, total: run.steps[0]?.total, etaMs: 0 });
    const server = (await database.connection.db?.command({ hello: 1 }))?.localTime as Date;
    for (const at of [run.startedAt, run.seenAt, run.finishedAt as Date])
      expect(Math.abs(at.getTime() - server.getTime())).toBeLessThan(60_000);
    const names = (await collection("org_db_leases").find().toArray()).map(({ _id }) => String(_id));
    expect(names).toEqual([kind.job]);
  });

  test("that is cancelled ends after the batch under way, and the next run is a new one", async () => {
    await kind.seed();
    const cancelling = holdingAfterFirst(database.connection, () =>
      controlRun(database.connection, { job: kind.job }, "cancel", "ada"),
    );
    let batches = 0;
    const onProgress = () => {
      batches += 1;
    };
    await aborted(kind.run(cancelling, { onProgress }));
    expect(batches).toBe(2);
    const cancelled = await last(kind);
    expect(cancelled).toMatchObject({ state: "cancelled", wantedBy: "ada" });
    await expect(controlRun(database.connection, { id: cancelled._id }, "resume")).rejects.toMatchObject({
      code: "RUN_ENDED",
    });
    await kind.run(database.connection);
    expect(await kind.isDone()).toBe(true);
    expect((await last(kind))._id).not.toBe(cancelled._id);
  });

  test("that is paused waits within a batch, holds its lease, and goes on when resumed", async () => {
    await kind.seed();
    const control = (command: "pause" | "resume") =>
      controlRun(database.connection, { job: kind.job }, command, "ada");
    const pausing = holdingAfterFirst(database.connection, () => control("pause"));
    const waits: ProgressReport[] = [];
    await kind.run(pausing, {
      onProgress: (one) => {
        if (!one.paused) return;
        waits.push(one);
        if (waits.length === 1)
          void kind
            .run(database.connection)
            .catch(({ code }) => expect(code).toBe("LOCKED"))
            .then(() => control("resume"));
      },
    });
    expect(waits[0]).toMatchObject({ paused: { reason: "requested" }, done: 2 * kind.batch });
    expect(await kind.isDone()).toBe(true);
    const run = await last(kind);
    expect(run).toMatchObject({ state: "succeeded" });
    expect(run).not.toHaveProperty("wanted");
    expect(run.pausedMs).toBeGreaterThan(0);
  });

  test("that is stopped, or whose process died, is continued under its id where it was", async () => {
    await kind.seed();
    const stop = new AbortController();
    await aborted(
      kind.run(database.connection, {
        signal: stop.signal,
        instance: "a",
        onProgress: afterFirst(() => stop.abort()),
      }),
    );
    const first = await last(kind);
    expect(first).toMatchObject({ state: "interrupted", reason: "stopped", steps: [{ done: kind.batch }] });
    // As a process leaves it that was killed, its lease run out.
    await runs().updateOne({ _id: first._id }, { $set: { state: "running" } });
    expect(await last(kind)).toMatchObject({ state: "interrupted", reason: "process_lost" });
    const reports: ProgressReport[] = [];
    await kind.run(database.connection, { instance: "b", onProgress: (one) => void reports.push(one) });
    expect(reports[0]).toMatchObject({ runId: first._id, done: 2 * kind.batch });
    expect(await last(kind)).toMatchObject({
      _id: first._id,
      state: "succeeded",
      fencing: 2,
      instance: "b",
      before: [{ instance: "a", fencing: 1, state: "interrupted", reason: "process_lost" }],
    });
    expect(await kind.isDone()).toBe(true);
  });

  test("that was taken over writes its record no more", async () => {
    await kind.seed();
    // Another holder, as it takes over from a process that slept.
    const taken = { state: "running", fencing: 7, instance: "thief" } as const;
    const stolen = holdingAfterFirst(database.connection, () =>
      runs().updateOne({ job: kind.job }, { $set: taken, $inc: { revision: 1 } }),
    );
    await expect(kind.run(stolen)).rejects.toMatchObject({ code: "LEASE_LOST" });
    const record = await runs().findOne({ job: kind.job });
    expect(record).toMatchObject({ ...taken, steps: [{ done: kind.batch }] });
    expect(record).not.toHaveProperty("finishedAt");
    // The numbers of the lease go on above the one that was left.
    await kind.run(database.connection);
    expect(await last(kind)).toMatchObject({ state: "succeeded", fencing: 8 });
  });

  test("whose record is removed while it works stops", async () => {
    await kind.seed();
    const removed = holdingAfterFirst(database.connection, () => runs().deleteMany({}));
    await expect(kind.run(removed)).rejects.toMatchObject({
      code: expect.stringMatching(/LEASE_LOST|RUN_NOT_FOUND/),
    });
    expect(await kind.isDone()).toBe(false);
  });

  test("a write of its record whose answer is lost is made again, and changes nothing twice", async () => {
    await kind.seed();
    let writes = 0;
    const losing = answeringWrites(database.connection, "org_db_runs", {
      findOneAndUpdate: async (send) => {
        const written = await send();
        writes += 1;
        if (writes % 3 === 0) throw serverError(11_602, "interrupted due to repl state change");
        return written;
      },
    });
    await kind.run(losing);
    expect(await kind.isDone()).toBe(true);
    expect(await runs().find({ job: kind.job }).toArray()).toMatchObject([{ state: "succeeded" }]);
  }, 60_000);

  describe("on a machine whose clock jumps", () => {
    afterEach(() => void vi.useRealTimers());
    test.each([400, -400])("by %i days, goes on, and its times stay those of the database", async (days) => {
      await kind.seed();
      const jump = () => vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + days * 86_400_000 });
      await kind.run(database.connection, { onProgress: afterFirst(jump) });
      vi.useRealTimers();
      const { startedAt, finishedAt, state } = await last(kind);
      expect(state).toBe("succeeded");
      expect((finishedAt as Date).getTime() - startedAt.getTime()).toBeGreaterThanOrEqual(0);
      expect((finishedAt as Date).getTime() - startedAt.getTime()).toBeLessThan(60_000);
    });
  });
});

test("of many who queue a job at once, one run of it is queued, and it is taken up under its id", async () => {
  const queued = await Promise.all(
    Array.from({ length: 5 }, () => queueRun(database.connection, { job: "own" }, "ada")),
  );
  expect(new Set(queued.map(({ _id }) => _id)).size).toBe(1);
  await own.run(database.connection, { instance: "b" });
  expect(await last(own)).toMatchObject({ _id: queued[0]?._id, state: "succeeded", instance: "b" });
}, 30_000);

test("records of ended runs are forgotten after their time; the last scheduled time that was served is not", async () => {
  const identity = { job: "own", isResumable: false };
  const done = async () => ({ value: undefined, interrupted: false });
  const tick = new Date("2025-01-01T00:00:00Z");
  const occasion = { tick, servedTo: async () => tick };
  await attemptJob(database.connection, identity, { occasion }, done);
  await attemptJob(database.connection, identity, {}, done);
  await runs().updateMany({}, { $set: { finishedAt: new Date(0) } });
  await attemptJob(database.connection, identity, {}, done);
  const kept = await runs().find().sort({ fencing: 1 }).toArray();
  expect(kept.map(({ fencing }) => fencing)).toEqual([1, 3]);
  expect(await attemptJob(database.connection, identity, { occasion }, done)).toEqual({
    ran: false,
    reason: "done",
  });
});
