import { setTimeout } from "node:timers/promises";
import { bundleChild, startChild, type WaitingChild } from "@org/dev-kit/children";
import { faultLoop } from "@org/dev-kit/faults";
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import type { Connection } from "mongoose";
import { beforeEach, describe, expect, test, vi } from "vitest";
import {
  contractMigration,
  migrateUp,
  migrationStatus,
  rollbackMigration,
  verifyMigration,
} from "../../src/index.js";
import { boxesMigration, fillBoxes } from "../children/boxes.js";
import type { MigratorAssignment } from "../children/migrator.js";
import { quickPauses } from "../quick-pauses.js";
import { aMinutePasses, answeringWrites, serverError, stepDowns } from "../support.js";
import { mortalServer, Way, withMortalServer } from "./way.js";

vi.mock("../../src/core/pause.js", async (load) => (await import("../quick-pauses.js")).scaledPauses(load));

const database = useTemporaryDatabase({ label: "migrate_faults" });
const cuts = faultLoop({ seed: 20_961_124, all: 10, sample: 3 });
const boxes = 20;
const migration = boxesMigration();
const small = { maxBatch: 20, maxSlowdown: Number.POSITIVE_INFINITY };
const options = { now: () => new Date(), limits: small };
const script = await bundleChild(new URL("../children/migrator.ts", import.meta.url));

beforeEach(() => fillBoxes(database.connection, boxes));

const up = (connection: Connection = database.connection) => migrateUp(connection, migration, options);
const phase = async () => (await migrationStatus(database.connection, migration)).phase;
const sources = (connection: Connection = database.connection) =>
  connection.collection("boxes").find({}).sort({ _id: 1 }).toArray();

async function expectComplete(connection: Connection = database.connection): Promise<void> {
  expect(await verifyMigration(connection, migration, options)).toMatchObject({
    clean: true,
    sources: boxes,
    expected: boxes * 4,
    found: boxes * 4,
  });
}

async function started(assignment: MigratorAssignment): Promise<WaitingChild> {
  const child = startChild(script, database.uri);
  await child.hasPrinted("ready\n");
  child.tell(JSON.stringify(assignment));
  await child.hasPrinted("reached backfill");
  return child;
}

describe("two runners", () => {
  test("the second is refused while the first runs", async () => {
    const child = await started({ sleepMs: 2_000 });
    await expect(up()).rejects.toMatchObject({ code: "LOCKED" });
    await child.hasPrinted("ended switched");
    await child.exited;
    await expectComplete();
  });

  test("one that slept longer than its lease writes nothing more, and the other is done", async () => {
    const child = await started({ leaseMs: 500, sleepMs: 3_000 });
    const result = await migrateUp(database.connection, migration, { ...options, waitMs: 10_000 });
    expect(result).toMatchObject({ phase: "switched" });
    await child.hasPrinted("ended LEASE_LOST");
    await child.exited;
    const { history } = await migrationStatus(database.connection, migration);
    const fences = history.map(({ fencing }) => fencing);
    expect(fences).toEqual([...fences].sort((a, b) => a - b));
    await expectComplete();
  });
});

/** Bulk writes of the things, of which the second and the fourth are answered so, the fourth after it was done. */
function stumbling(error: Error, count: { writes: number }): Connection {
  return answeringWrites(database.connection, "things", {
    bulkWrite: async (send) => {
      count.writes += 1;
      if (count.writes === 2) throw error;
      const result = await send();
      if (count.writes === 4) throw error;
      return result;
    },
  });
}

describe("a primary that steps down", () => {
  quickPauses();
  test.each(stepDowns)(
    "%s: the batch is done again, whether it had been done or not",
    async (_what, error) => {
      const count = { writes: 0 };
      const before = await sources();
      expect(await up(stumbling(error, count))).toMatchObject({ phase: "switched", walked: boxes * 4 });
      expect(count.writes).toBeGreaterThan(4);
      await expectComplete();
      expect(await sources()).toEqual(before);
    },
  );

  test.each([1, 3, 6, 9].flatMap((write) => [[write, "before"] as const, [write, "after"] as const]))(
    "at write %i of its state, %s it is done: the next run finishes, up and back",
    async (fatal, when) => {
      const stepping = () => {
        let writes = 0;
        return answeringWrites(database.connection, "org_db_migrations", {
          findOneAndUpdate: async (send) => {
            writes += 1;
            if (writes === fatal && when === "after") await send();
            if (writes === fatal) throw serverError(10_107, "not primary", ["RetryableWriteError"]);
            return send();
          },
        });
      };
      const ends = (way: Promise<unknown>) =>
        way.catch((error) => expect(error).toMatchObject({ kind: expect.stringMatching(/server|state/) }));
      const before = await sources();
      await ends(up(stepping()));
      expect(await up()).toMatchObject({ phase: "switched", verification: { clean: true } });
      await expectComplete();
      await ends(rollbackMigration(stepping(), migration, options));
      await rollbackMigration(database.connection, migration, options);
      expect(await phase()).toBe("off");
      expect(await sources()).toEqual(before);
    },
  );

  test("for longer than the tries last: the run fails by name, and the next one goes on where it was", async () => {
    let writes = 0;
    const away = answeringWrites(database.connection, "things", {
      bulkWrite: async (send) => {
        if (writes++ < 2) return send();
        throw serverError(10_107, "not primary", ["RetryableWriteError"]);
      },
    });
    await expect(up(away)).rejects.toMatchObject({ code: "UNREACHABLE" });
    const { progress } = await migrationStatus(database.connection, migration);
    expect(progress?.done).toBe(10);
    expect(await up()).toMatchObject({ from: "backfill", phase: "switched" });
    await expectComplete();
  });
});

describe("the server refuses", () => {
  test.each([
    ["a write, for its disk is full", "things", "bulkWrite", 14_031, "DISK_FULL", "backfill"],
    ["a write, for a privilege is missing", "things", "bulkWrite", 13, "NOT_AUTHORIZED", "backfill"],
    ["to read the old layout", "boxes", "find", 13, "NOT_AUTHORIZED", "backfill"],
    ["a change of phase", "org_db_migrations", "findOneAndUpdate", 13, "NOT_AUTHORIZED", "off"],
  ] as const)(
    "%s: the run fails by name, reads stay where they are, and the next one finishes",
    async (_what, collection, method, code, name, left) => {
      const before = await sources();
      const refuse = () => {
        throw serverError(code, "refused");
      };
      const refusing = answeringWrites(database.connection, collection, { [method]: refuse });
      await expect(up(refusing)).rejects.toMatchObject({ code: name });
      expect(await phase()).toBe(left);
      expect(await sources()).toEqual(before);
      await expect(up()).resolves.toMatchObject({ phase: "switched" });
      await expectComplete();
    },
  );

  test("to write the old layout on the way back: nothing is lost, and the next one finishes", async () => {
    await up();
    const fresh = { _id: 1_000, text: "new", at: new Date(1) };
    await database.connection.collection("things").insertOne({ ...fresh, box: 3 } as never);
    const refusing = answeringWrites(database.connection, "boxes", {
      bulkWrite: async () => {
        throw serverError(14_031, "not enough disk space");
      },
    });
    const back = (connection: Connection) => rollbackMigration(connection, migration, options);
    await expect(back(refusing)).rejects.toMatchObject({ code: "DISK_FULL" });
    expect(await phase()).toBe("reverting");
    expect(await back(database.connection)).toMatchObject({ from: "reverting", phase: "off" });
    expect((await sources())[3]?.things).toContainEqual(fresh);
  });

  test("large batches, being too slow for them: they are split, and each document is counted once", async () => {
    const slow = answeringWrites(database.connection, "things", {
      find: (send, filter) => {
        const { $in } = (filter as { box: { $in: unknown[] } }).box;
        if ($in.length > 3) throw serverError(50, "operation exceeded time limit");
        // The second half of a batch times out when the first is done.
        if ($in.length === 3 && $in.includes(3) && slowOnce-- > 0)
          throw serverError(50, "operation exceeded time limit");
        return send();
      },
    });
    let slowOnce = 0;
    await migrateUp(database.connection, migration, options, "backfill");
    slowOnce = 1;
    const report = await migrateUp(slow, migration, options);
    expect(report.verification).toMatchObject({ sources: boxes, expected: boxes * 4, clean: true });
  });
});

describe("a clock that jumps", () => {
  const day = 86_400_000;
  const retained = { ...migration, retentionMs: 7 * day };
  /** The clock of a machine, which somebody sets between two looks. */
  const jumping = (...jumps: number[]) => {
    let looks = 0;
    return () => new Date(Date.now() + (jumps[looks++ % jumps.length] as number));
  };

  test("forth and back does no harm to a migration, up and back", async () => {
    const before = await sources();
    const unsteady = { ...options, now: jumping(0, 400 * day, -400 * day) };
    const report = await migrateUp(database.connection, migration, unsteady);
    expect(report).toMatchObject({ phase: "switched", verification: { clean: true } });
    await expectComplete();
    expect(await sources()).toEqual(before);
    await rollbackMigration(database.connection, migration, unsteady);
    expect(await sources()).toEqual(before);
  });

  test.each([
    ["ahead, at the end", 0, 8 * day],
    ["behind, at the switch", -8 * day, 0],
  ])("%s does not end the retention", async (_what, atSwitch, atEnd) => {
    const at = (jump: number) => ({ ...options, now: jumping(jump) });
    await migrateUp(database.connection, retained, at(atSwitch));
    const before = await sources();
    const contracting = contractMigration(database.connection, retained, at(atEnd));
    await expect(contracting).rejects.toMatchObject({ code: "CLOCK_AHEAD" });
    expect(await phase()).toBe("switched");
    expect(await sources()).toEqual(before);
  });
});

test(`a connection that is cut within a batch: the run goes on, or the next one finishes (seed ${cuts.seed})`, async () => {
  const way = new Way(database.uri);
  const connection = await way.connect(database.name);
  let through = 0;
  for (const { at, random } of cuts.rounds(() => through > cuts.planned / 2)) {
    await fillBoxes(database.connection, boxes);
    let batches = Math.floor(at * 8);
    const onProgress = () => {
      if (batches-- === 0) void setTimeout(random() * 10).then(() => way.cut());
    };
    await migrateUp(connection, migration, { ...options, onProgress }).then(
      () => (through += 1),
      (error) => expect(error).toMatchObject({ name: "OptimizerError", kind: "server" }),
    );
    await aMinutePasses(database.connection);
    expect(await up()).toMatchObject({ phase: "switched", verification: { clean: true } });
    await expectComplete();
  }
  expect(through).toBeGreaterThan(cuts.planned / 2);
  await connection.close();
  await way.close();
});

withMortalServer(
  "a server that is killed and started again in the midst: the run goes on, and nothing is lost",
  async () => {
    const { connection, killAndRestart, stop } = await mortalServer(database.name);
    await fillBoxes(connection, boxes);
    const before = await sources(connection);
    let restarted: Promise<void> | undefined;
    const onProgress = () => {
      restarted ??= killAndRestart();
    };
    await migrateUp(connection, migration, { ...options, onProgress });
    await restarted;
    expect((await migrationStatus(connection, migration)).phase).toBe("switched");
    await expectComplete(connection);
    expect(await sources(connection)).toEqual(before);
    await stop();
  },
  120_000,
);
