import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bundleChild, startChild } from "@org/dev-kit/children";
import { allNeed, useTemporaryDatabase } from "@org/dev-kit/vitest";
import type { Connection, mongo } from "mongoose";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type CleanupOptions, type ProgressReport, runCleanup } from "../../src/index.js";
import { listRuns } from "../../src/jobs/index.js";
import type { CleaningAssignment } from "../children/cleaner.js";
import { cleaningRules, daysAgo, now, seedCleaning } from "../children/cleaning.js";
import { quickPauses } from "../quick-pauses.js";
import { answeringWrites, overriding, serverError, stepDowns } from "../support.js";
import { mortalServer, Way, withMortalServer } from "./way.js";

allNeed("clusterMonitoring");
vi.mock("../../src/core/pause.js", async (load) => (await import("../quick-pauses.js")).scaledPauses(load));

const database = useTemporaryDatabase({ label: "cleanup_faults", per: "test" });
const rule = { name: "old-logs", collection: "logs", field: "at", retentionSeconds: 30 * 86_400 };
const quick = { limits: { maxSlowdown: Number.POSITIVE_INFINITY, maxBatch: 100 }, throttle: { checkMs: 20 } };
const script = await bundleChild(new URL("../children/cleaner.ts", import.meta.url));

const clean = (connection: Connection, options: Partial<CleanupOptions> = {}) =>
  runCleanup(connection, [rule], { now, run: true, ...quick, ...options });
const logs = (connection: Connection = database.connection) => connection.collection("logs");
const lastRun = async () => (await listRuns(database.connection, { jobs: ["cleanup"], limit: 1 }))[0];

async function seed(connection: Connection): Promise<void> {
  await logs(connection).createIndex({ at: 1 });
  const due = Array.from({ length: 600 }, (_, n) => ({ at: daysAgo(31 + (n % 50)), keep: false }));
  const kept = Array.from({ length: 40 }, (_, n) => ({ at: daysAgo(n % 30), keep: true }));
  await logs(connection).insertMany([...due, ...kept]);
}

async function onlyKeptAreLeft(connection: Connection = database.connection): Promise<void> {
  expect(await logs(connection).countDocuments({ keep: true })).toBe(40);
  expect(await logs(connection).countDocuments()).toBe(40);
}

beforeEach(() => seed(database.connection));

describe("a primary that steps down", () => {
  quickPauses();
  test.each(stepDowns)(
    "%s: the batch is done again, whether it had been done or not",
    async (_name, error) => {
      let writes = 0;
      const stepping = answeringWrites(database.connection, "logs", {
        deleteMany: async (send) => {
          writes += 1;
          if (writes === 2) throw error;
          const result = await send();
          // Done, and the answer was lost.
          if (writes === 4) throw error;
          return result;
        },
      });
      expect(await clean(stepping)).toMatchObject({ stopped: false });
      expect(writes).toBe(6 + 2);
      await onlyKeptAreLeft();
    },
  );
});

describe("a server that is too slow", () => {
  test("for large batches: they are split, and it gets through", async () => {
    const sizes: number[] = [];
    const slow = answeringWrites(database.connection, "logs", {
      deleteMany: async (send, filter) => {
        const { length } = (filter as { _id: { $in: unknown[] } })._id.$in;
        sizes.push(length);
        if (length > 200) throw serverError(50, "operation exceeded time limit");
        return send();
      },
    });
    const limits = { maxSlowdown: Number.POSITIVE_INFINITY, maxBatch: 600 };
    expect(await clean(slow, { limits })).toMatchObject({ stopped: false });
    expect(sizes.slice(0, 4)).toEqual([600, 300, 150, 225]);
    await onlyKeptAreLeft();
  });

  test("for a single document: the run fails by name, and the next one finishes", async () => {
    const stuck = answeringWrites(database.connection, "logs", {
      deleteMany: async () => {
        throw serverError(64, "waiting for replication timed out");
      },
    });
    await expect(clean(stuck)).rejects.toMatchObject({ code: "TIMED_OUT", details: { rule: "old-logs" } });
    expect(await lastRun()).toMatchObject({ state: "failed", error: { code: "TIMED_OUT" } });
    await clean(database.connection);
    await onlyKeptAreLeft();
  });
});

test("a full disk ends the run by name before anything is deleted, and the next one finishes", async () => {
  const moving = { ...rule, action: { archiveToCollection: "archive" } };
  const options = { now, run: true, ...quick };
  const full = answeringWrites(database.connection, "archive", {
    bulkWrite: async () => {
      throw serverError(14_031, "not enough disk space");
    },
  });
  await expect(runCleanup(full, [moving], options)).rejects.toMatchObject({ code: "DISK_FULL" });
  expect(await logs().countDocuments()).toBe(640);
  expect(await lastRun()).toMatchObject({ state: "failed", error: { code: "DISK_FULL" } });
  const next = await runCleanup(database.connection, [moving], options);
  expect(next).toMatchObject({ stopped: false, rules: [{ deleted: 600 }] });
  expect(await database.connection.collection("archive").countDocuments()).toBe(600);
  await onlyKeptAreLeft();
});

describe("a privilege is missing", () => {
  /** Refuses a command of the admin database for so many times. */
  function refusing(command: string, times: number): Connection {
    const db = database.connection.db!;
    const admin = db.admin();
    let refused = 0;
    const run = async (document: mongo.Document) => {
      if (Object.keys(document)[0] === command && refused++ < times) throw serverError(13, `no ${command}`);
      return admin.command(document);
    };
    const answering = overriding(admin, { command: run });
    return overriding(database.connection, { db: overriding(db, { admin: () => answering }) });
  }

  test.each(["replSetGetStatus", "serverStatus", "currentOp"])(
    "for %s: it waits, says for what, and goes on when it is granted",
    async (command) => {
      const waits: ProgressReport[] = [];
      const report = await clean(refusing(command, 3), {
        onProgress: (event) => void (event.paused && waits.push(event)),
      });
      expect(waits[0]!.paused).toMatchObject({
        reason: "unreadable",
        detail: expect.stringContaining(`no ${command}`),
      });
      expect(waits[0]!.done).toBe(0);
      expect(report).toMatchObject({ stopped: false });
      await onlyKeptAreLeft();
    },
  );

  test("for a signal that is left out by name: it is not asked for", async () => {
    const throttle = { checkMs: 20, unwatched: ["lag", "oplog"] as const };
    const report = await clean(refusing("replSetGetStatus", Number.POSITIVE_INFINITY), { throttle });
    expect(report).toMatchObject({ stopped: false, pausedMs: 0, lag: null });
    expect(report.unknown.map(({ signal }) => signal)).not.toContain("oplog");
  });

  test("for what is left of the oplog: it goes on, and says so", async () => {
    const throttle = { checkMs: 20, unwatched: ["lag"] as const };
    const report = await clean(refusing("replSetGetStatus", Number.POSITIVE_INFINITY), { throttle });
    expect(report).toMatchObject({ stopped: false, pausedMs: 0 });
    const unknown = { signal: "oplog", reason: expect.stringContaining("no replSetGetStatus") };
    expect(report.unknown).toContainEqual(unknown);
  });

  test("for the delete itself: the run fails by name, and the next one finishes", async () => {
    const refused = answeringWrites(database.connection, "logs", {
      deleteMany: async () => {
        throw serverError(13, "not authorized to remove");
      },
    });
    await expect(clean(refused)).rejects.toMatchObject({ code: "NOT_AUTHORIZED" });
    expect(await logs().countDocuments()).toBe(640);
    await clean(database.connection);
    await onlyKeptAreLeft();
  });
});

test("two runners: one works, the other waits and finds nothing left", async () => {
  const [one, two] = await Promise.all([1, 2].map(() => clean(database.connection, { waitMs: 20_000 })));
  expect(one!.rules[0]!.deleted + two!.rules[0]!.deleted).toBe(600);
  expect([one!.rules[0]!.deleted, two!.rules[0]!.deleted].sort((a, b) => a - b)).toEqual([0, 600]);
});

describe("a clock that jumps while it works", () => {
  afterEach(() => void vi.useRealTimers());

  test.each([
    ["ahead", 400],
    ["back", -400],
  ])("%s: what the rule names by its start goes, and nothing else", async (_what, days) => {
    let jumped = false;
    const report = await clean(database.connection, {
      onProgress: () => {
        if (!jumped) vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + days * 86_400_000 });
        jumped = true;
      },
    });
    expect(report).toMatchObject({ stopped: false, rules: [{ deleted: 600 }] });
    expect(report.elapsedMs).toBeLessThan(86_400_000);
    await onlyKeptAreLeft();
  });
});

describe("a lease that is lost", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "cleanup-faults-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  test("after a pause longer than the lease: the sleeper's next batch is refused, the run is another's", async () => {
    const archive = join(folder, "filed.ndjson");
    await seedCleaning(database.connection, archive, 40);
    const child = startChild(script, database.uri);
    await child.hasPrinted("ready\n");
    child.tell(JSON.stringify({ archive, leaseMs: 500, sleepMs: 3_000 } satisfies CleaningAssignment));
    await child.hasPrinted("batch");
    const stop = new AbortController();
    const options = {
      now,
      run: true,
      waitMs: 20_000,
      limits: { maxSlowdown: Number.POSITIVE_INFINITY, maxBatch: 5 },
    };
    const first = await runCleanup(database.connection, cleaningRules(archive), {
      ...options,
      signal: stop.signal,
      onProgress: () => stop.abort(),
    });
    expect(first).toMatchObject({ resumed: true, stopReason: "signal" });
    const after = await database.connection.collection("deleted").countDocuments();
    await child.exited;
    expect(child.printed()).toMatch(/ended LEASE_LOST\n$/);
    expect(child.printed().match(/^batch/gm)).toHaveLength(1);
    expect(await database.connection.collection("deleted").countDocuments()).toBe(after);
    expect(await lastRun()).toMatchObject({ state: "interrupted", fencing: 2 });
    expect(await runCleanup(database.connection, cleaningRules(archive), options)).toMatchObject({
      stopped: false,
    });
    expect(await database.connection.collection("deleted").countDocuments()).toBe(21);
  });
});

test("a connection that is cut in the midst of batches: the run goes on, and nothing else goes", async () => {
  const way = new Way(database.uri);
  const connection = await way.connect(database.name);
  let batches = 0;
  const cutting = answeringWrites(connection, "logs", {
    deleteMany: async (send) => {
      batches += 1;
      const sent = send();
      // On its way to the server, or back.
      if (batches === 2 || batches === 4) setTimeout(() => way.cut(), batches);
      return sent;
    },
  });
  expect(await clean(cutting)).toMatchObject({ stopped: false });
  await connection.close();
  await way.close();
  await onlyKeptAreLeft();
});

withMortalServer(
  "a server that is killed and started again in the midst: the run goes on, and nothing else goes",
  async () => {
    const { connection, killAndRestart, stop } = await mortalServer(database.name);
    await seed(connection);
    let restarted: Promise<void> | undefined;
    const report = await clean(connection, {
      onProgress: ({ done }) => {
        if (done >= 200) restarted ??= killAndRestart();
      },
    });
    await restarted;
    expect(report).toMatchObject({ stopped: false });
    await onlyKeptAreLeft(connection);
    expect(await listRuns(connection, { jobs: ["cleanup"] })).toMatchObject([
      { state: "succeeded", steps: [{ total: 600 }] },
    ]);
    await stop();
  },
  120_000,
);
