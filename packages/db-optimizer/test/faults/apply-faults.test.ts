import { setTimeout } from "node:timers/promises";
import { bundleChild, startChild } from "@org/dev-kit/children";
import { faultLoop, faultSample } from "@org/dev-kit/faults";
import { needs, useTemporaryDatabase } from "@org/dev-kit/vitest";
import type { Connection, mongo } from "mongoose";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { Document } from "../../src/core/model.js";
import { DatabaseOptimizer } from "../../src/index.js";
import { applyPlan, journalRuns, journalSteps } from "../../src/indexes/index.js";
import { buildProgress } from "../../src/indexes/steps/build.js";
import { leaseHeldUntil, withLease } from "../../src/jobs/index.js";
import type { Assignment } from "../children/applier.js";
import { driftingModels, driftingPlan, seedDrift } from "../children/drifting.js";
import { quickPauses } from "../quick-pauses.js";
import { answeringWrites, modelOf, overriding, serverError, stepDowns } from "../support.js";
import { driftOf, indexesOf, neverWithout, nextRunFinishes } from "./drift-checks.js";
import { mortalServer, Way, withMortalServer } from "./way.js";

vi.mock("../../src/core/pause.js", async (load) => (await import("../quick-pauses.js")).scaledPauses(load));

const database = useTemporaryDatabase({ label: "faults", per: "test" });
const cuts = faultLoop({ seed: 20_961_124, all: 10, sample: 3 });
const script = await bundleChild(new URL("../children/applier.ts", import.meta.url));
const things = () => database.connection.collection("things");

async function indexNames(): Promise<string[]> {
  return (await things().listIndexes().toArray()).map(({ name }) => String(name)).sort();
}

const optimizerOf = (...indexes: [Document, Document?][]) =>
  new DatabaseOptimizer(database.connection, { models: [modelOf({}, { indexes })] });

type Answer = (document: Document, send: () => Promise<Document>) => Promise<Document>;

/** A connection whose server answers some commands as told, where the engine cannot be brought to. */
function answering(connection: Connection, answers: Readonly<Record<string, Answer>>): Connection {
  const runs = (db: mongo.Db | mongo.Admin) => (document: Document, options?: object) => {
    const send = () => db.command(document, options) as Promise<Document>;
    const answer = answers[Object.keys(document)[0] ?? ""];
    return answer ? answer(document, send) : send();
  };
  const { db } = connection;
  if (!db) throw new Error("the connection is not open");
  const admin = db.admin();
  const answeringAdmin = overriding(admin, { command: runs(admin) });
  return overriding(connection, { db: overriding(db, { command: runs(db), admin: () => answeringAdmin }) });
}

/** One whose server refuses a command. */
function refusing(connection: Connection, command: string, code = 13): Connection {
  return answering(connection, {
    [command]: async () => {
      throw serverError(code, `refused to execute ${command}`);
    },
  });
}

describe("two runners", () => {
  test("one works, the other is told, or waits and finds nothing left", async () => {
    await seedDrift(database.connection);
    const optimizer = new DatabaseOptimizer(database.connection, {
      models: driftingModels(database.connection),
    });
    const plan = await driftingPlan(optimizer);
    const results = await Promise.allSettled([
      optimizer.apply({ rebuild: true }, plan),
      optimizer.apply({ rebuild: true }, plan),
    ]);
    const refused = results.filter((result) => result.status === "rejected");
    expect(refused).toMatchObject([{ reason: { code: "LOCKED" } }]);
    const waited = await Promise.all(
      [1, 2].map(() => optimizer.apply({ rebuild: true, waitMs: 10_000 }, plan)),
    );
    expect(waited.every(({ changed, complete }) => complete && !changed)).toBe(true);
    expect((await optimizer.plan()).drift.inSync).toBe(true);
  });
});

describe("a lease that is lost", () => {
  test("after a pause longer than the lease the sleeper writes nothing more, and its run is closed by the next", async () => {
    await seedDrift(database.connection);
    const child = startChild(script, database.uri);
    await child.hasPrinted("ready\n");
    child.tell(JSON.stringify({ leaseMs: 500, sleepMs: 3_000, extra: true } satisfies Assignment));
    await child.hasPrinted("done create");
    const optimizer = new DatabaseOptimizer(database.connection, {
      models: driftingModels(database.connection),
    });
    const result = await optimizer.apply({ rebuild: true, waitMs: 2_500 }, await driftingPlan(optimizer));
    expect(result.complete).toBe(true);
    expect(child.printed()).not.toContain("ended");
    await child.exited;
    expect(child.printed()).toMatch(/ended LEASE_LOST\n$/);
    expect(child.printed().match(/^done/gm)).toHaveLength(1);
    // Only the sleeper's models declare it.
    expect(await indexNames()).not.toContain("z_1");
    expect(await journalRuns(database.connection)).toMatchObject([
      { state: "done", fencing: 2 },
      { state: "interrupted", fencing: 1 },
    ]);
  });

  test("between two steps: the second is refused before it writes", async () => {
    const optimizer = optimizerOf([{ a: 1 }], [{ b: 1 }]);
    const leases = database.connection.collection<{ _id: string }>("org_db_leases");
    const { plan } = await optimizer.plan();
    let stolen: Promise<unknown> | undefined;
    const applying = withLease(database.connection, "setup", {}, async (signal, lease) =>
      applyPlan(database.connection, plan, {
        signal,
        lease: {
          ...lease,
          confirm: async () => {
            await stolen;
            await lease.confirm();
          },
        },
        onProgress: ({ result }) => {
          if (result) stolen ??= leases.updateOne({ _id: "setup" }, { $set: { owner: "another" } });
        },
      }),
    );
    await expect(applying).rejects.toMatchObject({ code: "LEASE_LOST" });
    expect(await indexNames()).toEqual(["_id_", "a_1"]);
  });

  test("the server's last word is taken for half of the lease, and not a moment longer", async () => {
    const leases = database.connection.collection<{ _id: string }>("org_db_leases");
    await withLease(database.connection, "x", { leaseMs: 1_000 }, async (_signal, lease) => {
      await leases.updateOne({ _id: "x" }, { $set: { owner: "another" } });
      await lease.confirmIfStale();
      // As a machine does that is suspended: no timer of this process can ask in between.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 600);
      await expect(lease.confirmIfStale()).rejects.toMatchObject({ code: "LEASE_LOST" });
    });
  });

  test("each holder has a higher number, and a lease that is held can be seen", async () => {
    const numbers: number[] = [];
    for (let turn = 0; turn < 3; turn++) {
      await withLease(database.connection, "x", {}, async (_signal, { fencing }) => {
        numbers.push(fencing);
        expect(await leaseHeldUntil(database.connection, "x")).toBeInstanceOf(Date);
      });
    }
    expect(numbers).toEqual([1, 2, 3]);
    expect(await leaseHeldUntil(database.connection, "x")).toBeUndefined();
    const tooShort = withLease(database.connection, "x", { leaseMs: 10 }, async () => undefined);
    await expect(tooShort).rejects.toMatchObject({ code: "INVALID_OPTIONS" });
  });
});

describe("a signal", () => {
  test("during a build gives the build up; the index is not there, and the next run builds it", async () => {
    await things().insertMany(Array.from({ length: 30_000 }, (_, n) => ({ a: `value ${n * 7}`, n })));
    const optimizer = optimizerOf([{ a: 1, n: 1 }]);
    const stop = new AbortController();
    const { plan } = await optimizer.plan();
    const applying = applyPlan(database.connection, plan, {
      signal: stop.signal,
      // Right before the command is sent.
      lease: { fencing: 0, confirm: async () => void setTimeout(30).then(() => stop.abort()) },
    });
    await expect(applying).rejects.toMatchObject({ code: "ABORTED" });
    expect(await indexNames()).toEqual(["_id_"]);
    expect(await journalRuns(database.connection)).toMatchObject([{ state: "interrupted" }]);
    expect(await optimizer.apply()).toMatchObject({ complete: true });
    expect(await indexNames()).toEqual(["_id_", "a_1_n_1"]);
  });

  test("right before a build is sent: it is not sent", async () => {
    const { plan } = await optimizerOf([{ a: 1 }]).plan();
    const stop = new AbortController();
    let builds = 0;
    const connection = answering(database.connection, {
      createIndexes: async (_document, send) => {
        builds += 1;
        return send();
      },
    });
    let asked = 0;
    // Before the journal, and before the build.
    const confirm = async () => {
      asked += 1;
      if (asked === 2) stop.abort();
    };
    const applying = applyPlan(connection, plan, { signal: stop.signal, lease: { fencing: 0, confirm } });
    await expect(applying).rejects.toMatchObject({ code: "ABORTED" });
    expect(builds).toBe(0);
  });

  test("never comes between the drop and the build of a rebuild", async () => {
    await things().insertMany([{ r: 1 }, { r: 2 }]);
    await things().createIndex({ r: 1 });
    const optimizer = optimizerOf([{ r: 1 }, { sparse: true }]);
    const stop = new AbortController();
    let writes = 0;
    // Asked before the journal, the twin, the drop, and then before the build that follows the drop.
    const confirm = async () => {
      writes += 1;
      if (writes === 4) stop.abort();
    };
    const { plan } = await optimizer.plan();
    const lease = { fencing: 0, confirm };
    const applying = applyPlan(database.connection, plan, { rebuild: true, signal: stop.signal, lease });
    await applying.catch(() => undefined);
    expect(await indexNames()).toContain("r_1");
    await optimizer.apply({ rebuild: true });
    expect(await indexNames()).toEqual(["_id_", "r_1"]);
  });
});

describe("the server refuses", () => {
  const declared: [Document, Document?][] = [
    [{ a: 1 }],
    [{ d: 1 }, { expireAfterSeconds: 60 }],
    [{ r: 1 }, { sparse: true }],
  ];

  test.each<[string, string, number, string, string[]]>([
    ["collMod, for a privilege is missing", "collMod", 13, "NOT_AUTHORIZED", ["setTtl"]],
    [
      "createIndexes, for a privilege is missing",
      "createIndexes",
      13,
      "NOT_AUTHORIZED",
      ["create", "rebuild"],
    ],
    ["dropIndexes, for a privilege is missing", "dropIndexes", 13, "NOT_AUTHORIZED", ["rebuild"]],
    ["createIndexes, for the disk is full", "createIndexes", 14_031, "DISK_FULL", ["create", "rebuild"]],
  ])(
    "%s: its steps fail by name, the others are carried out, and nothing is lost",
    async (_what, command, code, name, kinds) => {
      await things().insertMany([{ r: 1 }]);
      await things().createIndex({ d: 1 }, { expireAfterSeconds: 3_600 });
      await things().createIndex({ r: 1 });
      const optimizer = optimizerOf(...declared);
      const { plan } = await optimizer.plan();
      const { steps } = await applyPlan(refusing(database.connection, command, code), plan, {
        rebuild: true,
      });
      const failed = steps.filter(({ outcome }) => outcome === "failed");
      expect(failed.map(({ step }) => step.kind)).toEqual(kinds);
      expect(failed.every(({ error }) => error?.code === name)).toBe(true);
      expect(await indexNames()).toEqual(expect.arrayContaining(["d_1", "r_1"]));
      expect(await optimizer.apply({ rebuild: true })).toMatchObject({ complete: true });
      expect((await optimizer.plan()).drift).toMatchObject({ inSync: true, leftovers: [] });
    },
  );

  test("to build what a rebuild has dropped, for the disk is full by then: its twin stands in for it", async () => {
    await things().insertMany([{ r: 1 }]);
    await things().createIndex({ r: 1 });
    const optimizer = optimizerOf([{ r: 1 }, { sparse: true }]);
    const { plan } = await optimizer.plan();
    let builds = 0;
    const filling = answering(database.connection, {
      createIndexes: async (_document, send) => {
        if (++builds === 2) throw serverError(14_031, "not enough disk space");
        return send();
      },
    });
    const { steps } = await applyPlan(filling, plan, { rebuild: true });
    expect(steps).toMatchObject([{ outcome: "failed", error: { code: "DISK_FULL" } }]);
    expect(await indexNames()).toEqual(["_id_", "r_1__rebuild_twin"]);
    expect(await optimizer.apply({ rebuild: true })).toMatchObject({ complete: true });
    expect(await indexNames()).toEqual(["_id_", "r_1"]);
  });

  test("for currentOp: builds are carried out unseen", async () => {
    const { plan } = await optimizerOf([{ a: 1 }]).plan();
    const result = await applyPlan(refusing(database.connection, "currentOp"), plan, {
      onProgress: () => undefined,
    });
    expect(result.complete).toBe(true);
  });
});

const writing = ["createIndexes", "collMod", "dropIndexes"];
/** Commands that the plan of the drifting models takes. */
const writesOfDrift = 16;
const stumbles = faultSample(
  Array.from({ length: writesOfDrift }, (_, write) => write + 1),
  4,
  20_961_124,
);

/** Answers the given writes with the errors of a step-down, by turns; they had not been done, or the answer is lost. */
function stumbling(connection: Connection, isDone: boolean, at: (write: number) => boolean) {
  const seen = { writes: 0 };
  const stumble: Answer = async (_document, send) => {
    seen.writes += 1;
    const { writes } = seen;
    if (!at(writes)) return send();
    if (isDone) await send();
    throw stepDowns[writes % stepDowns.length]?.[1];
  };
  const answers = Object.fromEntries(writing.map((command) => [command, stumble]));
  return { connection: answering(connection, answers), seen };
}

describe("a primary that steps down", () => {
  quickPauses();
  test.each([
    ["before a command is done", false],
    ["when it is done, and the answer is lost", true],
  ])(
    `%s, at write ${stumbles.join(", ")}: the run goes on by itself, and its journal leads back`,
    async (_when, isDone) => {
      for (const stumblesAt of stumbles) {
        await seedDrift(database.connection);
        const optimizer = driftOf(database.connection);
        const before = await indexesOf(database.connection);
        const plan = await driftingPlan(optimizer);
        const { connection, seen } = stumbling(database.connection, isDone, (write) => write === stumblesAt);
        const lease = { fencing: stumblesAt, confirm: async () => undefined };
        const result = await applyPlan(connection, plan, { rebuild: true, lease });
        expect(result).toMatchObject({ complete: true, changed: true });
        expect(result.steps.map(({ outcome }) => outcome).sort()).toEqual([
          ...Array(7).fill("done"),
          "observing",
        ]);
        expect(seen.writes).toBe(writesOfDrift + 1);
        await neverWithout(database.connection);
        expect((await optimizer.plan()).drift).toMatchObject({ inSync: true, leftovers: [] });
        expect(await optimizer.rollback()).toMatchObject({ complete: true, refused: [] });
        expect(await indexesOf(database.connection)).toEqual(before);
      }
    },
    60_000,
  );

  test("again and again while a run is rolled back: it goes on by itself", async () => {
    await seedDrift(database.connection);
    const optimizer = driftOf(database.connection);
    const before = await indexesOf(database.connection);
    await optimizer.apply({ rebuild: true }, await driftingPlan(optimizer));
    const { connection } = stumbling(database.connection, true, (write) => write % 3 === 1);
    expect(await driftOf(connection).rollback()).toMatchObject({ complete: true, refused: [] });
    expect(await indexesOf(database.connection)).toEqual(before);
  });

  test.each(stepDowns)(
    "%s, as the lease is taken or the plan is read: apply and rollback go on by themselves",
    async (_when, error) => {
      for (const isDone of [false, true]) {
        await seedDrift(database.connection);
        const before = await indexesOf(database.connection);
        const once = async (turn: number, send: () => Promise<unknown>) => {
          if (turn > 1) return send();
          if (isDone) await send();
          throw error;
        };
        const stumblingAtFirst = () => {
          const turns = { lease: 0, reading: 0 };
          const reading = answering(database.connection, {
            listIndexes: (_document, send) => once(++turns.reading, send) as Promise<Document>,
          });
          return answeringWrites(reading, "org_db_leases", {
            findOneAndUpdate: (send) => once(++turns.lease, send),
          });
        };
        const applied = await driftOf(stumblingAtFirst()).apply({ rebuild: true });
        expect(applied).toMatchObject({ complete: true, changed: true });
        expect(await driftOf(stumblingAtFirst()).rollback()).toMatchObject({ complete: true, refused: [] });
        expect(await indexesOf(database.connection)).toEqual(before);
      }
    },
    30_000,
  );
});

describe("between two tries", () => {
  quickPauses();
  const lastRunId = async () => (await journalRuns(database.connection, 1))[0]?._id ?? "";
  const stepDown = serverError(10_107, "not primary");

  /** Fails each build, and tells how many there were. */
  function neverBuilding(error: Error, meanwhile: () => unknown = () => undefined) {
    const seen = { builds: 0 };
    const connection = answering(database.connection, {
      createIndexes: async () => {
        seen.builds += 1;
        await meanwhile();
        throw error;
      },
    });
    return { connection, seen };
  }

  test("a signal is heard: the run stops, and what the server went on with is given up", async () => {
    await things().insertOne({ a: 1 });
    const { plan } = await optimizerOf([{ a: 1 }]).plan();
    const stop = new AbortController();
    const { connection, seen } = neverBuilding(stepDown, async () => {
      await things().createIndex({ a: 1 });
      setImmediate(() => stop.abort());
    });
    const applying = applyPlan(connection, plan, { signal: stop.signal });
    await expect(applying).rejects.toMatchObject({ code: "ABORTED" });
    expect(seen.builds).toBe(1);
    expect(await indexNames()).toEqual(["_id_"]);
    expect(await journalRuns(database.connection)).toMatchObject([{ state: "interrupted" }]);
  });

  test("a signal is heard in the midst of a rebuild too: the twin serves until the next run has gone on", async () => {
    await things().insertOne({ r: 1 });
    await things().createIndex({ r: 1 });
    const optimizer = optimizerOf([{ r: 1 }, { sparse: true }]);
    const { plan } = await optimizer.plan();
    const stop = new AbortController();
    let builds = 0;
    const connection = answering(database.connection, {
      createIndexes: async (_document, send) => {
        builds += 1;
        if (builds === 1) return send();
        setImmediate(() => stop.abort());
        throw stepDown;
      },
    });
    const applying = applyPlan(connection, plan, { rebuild: true, signal: stop.signal });
    await expect(applying).rejects.toMatchObject({ code: "ABORTED" });
    expect(builds).toBe(2);
    expect(await indexNames()).toEqual(["_id_", "r_1__rebuild_twin"]);
    expect(await optimizer.apply()).toMatchObject({ complete: true });
    expect(await indexNames()).toEqual(["_id_", "r_1"]);
  });

  test("the lease is lost: nothing more is written", async () => {
    await things().insertOne({ a: 1 });
    const { plan } = await optimizerOf([{ a: 1 }]).plan();
    const { connection, seen } = neverBuilding(stepDown, () =>
      database.connection
        .collection<{ _id: string }>("org_db_leases")
        .updateOne({ _id: "setup" }, { $set: { owner: "another" } }),
    );
    const applying = withLease(database.connection, "setup", {}, (signal, lease) =>
      applyPlan(connection, plan, { signal, lease }),
    );
    await expect(applying).rejects.toMatchObject({ code: "LEASE_LOST" });
    expect(seen.builds).toBe(1);
    expect(await indexNames()).toEqual(["_id_"]);
    expect(await journalSteps(database.connection, await lastRunId())).toMatchObject([{ state: "running" }]);
  });

  test("somebody else makes another index of that name: theirs stays", async () => {
    const { plan } = await optimizerOf([{ a: 1 }], [{ b: 1 }]).plan();
    const others = { a: 1, theirs: 1 } as const;
    let builds = 0;
    const connection = answering(database.connection, {
      createIndexes: async (_document, send) => {
        builds += 1;
        if (builds > 1) return send();
        await things().createIndex(others, { name: "a_1" });
        throw stepDown;
      },
    });
    const { steps } = await applyPlan(connection, plan);
    expect(steps).toMatchObject([
      { outcome: "failed", error: { code: "INDEX_CONFLICT" } },
      { outcome: "done" },
    ]);
    expect(builds).toBe(2);
    expect((await things().indexes()).find(({ name }) => name === "a_1")?.key).toEqual(others);
  });

  needs("profiler")(
    "somebody else puts another index in the place of the one that is to be dropped: it stays",
    async () => {
      await things().createIndex({ a: 1 });
      const optimizer = optimizerOf();
      const drop = ["things.a_1"];
      await database.connection.db?.command({ profile: 2 });
      await optimizer.apply({}, (await optimizer.plan({ drop })).plan);
      const { plan } = await optimizer.plan({ drop });
      const connection = answering(database.connection, {
        dropIndexes: async () => {
          await things().dropIndex("a_1");
          await things().createIndex({ a: 1 }, { unique: true });
          throw stepDown;
        },
      });
      const now = new Date(Date.now() + 8 * 86_400_000);
      const { steps } = await applyPlan(connection, plan, { drop: true, now });
      expect(steps).toMatchObject([{ outcome: "failed", error: { code: "INDEX_CONFLICT" } }]);
      expect(await indexNames()).toContain("a_1");
    },
  );

  test("nothing changes for the better: it ends by name after six tries", async () => {
    const { plan } = await optimizerOf([{ a: 1 }], [{ b: 1 }]).plan();
    const { connection, seen } = neverBuilding(stepDown);
    await expect(applyPlan(connection, plan)).rejects.toMatchObject({ code: "UNREACHABLE" });
    expect(seen.builds).toBe(6);
    expect(await journalRuns(database.connection)).toMatchObject([{ state: "interrupted" }]);
    expect(await journalSteps(database.connection, await lastRunId())).toMatchObject([
      { state: "failed", before: null, after: null, error: { code: "UNREACHABLE" } },
    ]);
  });

  test("there is no second one for what another try would not fix", async () => {
    const { plan } = await optimizerOf([{ a: 1 }]).plan();
    const { connection, seen } = neverBuilding(serverError(13, "not authorized"));
    expect(await applyPlan(connection, plan)).toMatchObject({ complete: false });
    expect(seen.builds).toBe(1);
  });
});

test(`a connection that is cut in the midst of steps: the run goes on by itself (seed ${cuts.seed})`, async () => {
  const way = new Way(database.uri);
  const connection = await way.connect(database.name);
  for (const { at, random } of cuts.rounds()) {
    await seedDrift(database.connection);
    const optimizer = driftOf(connection);
    const plan = await driftingPlan(optimizer);
    let steps = Math.floor(at * plan.steps.length);
    const onProgress = () => {
      if (steps-- === 0) void setTimeout(random() * 20).then(() => way.cut());
    };
    expect(await optimizer.apply({ rebuild: true, onProgress }, plan)).toMatchObject({ complete: true });
    await neverWithout(database.connection);
    await nextRunFinishes(database.connection);
  }
  await connection.close();
  await way.close();
});

test("a connection that is cut during a build: the build is waited for, and done once", async () => {
  await things().insertMany(Array.from({ length: 30_000 }, (_, n) => ({ a: `value ${n * 7}`, n })));
  const way = new Way(database.uri);
  const connection = await way.connect(database.name);
  const { plan } = await optimizerOf([{ a: 1, n: 1 }]).plan();
  let builds = 0;
  const cutting = answering(connection, {
    createIndexes: async (_document, send) => {
      builds += 1;
      if (builds === 1) void setTimeout(30).then(() => way.cut());
      return send();
    },
  });
  expect(await applyPlan(cutting, plan)).toMatchObject({ complete: true, steps: [{ outcome: "done" }] });
  expect(builds).toBe(2);
  expect(await indexNames()).toEqual(["_id_", "a_1_n_1"]);
  expect((await optimizerOf([{ a: 1, n: 1 }]).plan()).drift).toMatchObject({ inSync: true, building: [] });
  await connection.close();
  await way.close();
});

withMortalServer(
  "a server that is killed and started again in the midst of steps: the run goes on by itself",
  async () => {
    const { connection, killAndRestart, stop } = await mortalServer(database.name);
    for (const killAt of [2, 5]) {
      await seedDrift(connection);
      const optimizer = driftOf(connection);
      let restarted: Promise<void> | undefined;
      const onProgress = ({ position }: { position: number }) => {
        if (position === killAt) restarted ??= killAndRestart();
      };
      const result = await optimizer.apply({ rebuild: true, onProgress }, await driftingPlan(optimizer));
      expect(result).toMatchObject({ complete: true });
      await restarted;
      await neverWithout(connection);
      await nextRunFinishes(connection);
    }
    await stop();
  },
  120_000,
);

describe("a clock that jumps", () => {
  const hour = 3_600_000;
  afterEach(() => void vi.useRealTimers());

  test.each([
    ["ahead", hour],
    ["back", -hour],
  ])("%s, on the machine of the holder: the lease is held on", async (_what, jump) => {
    await withLease(database.connection, "x", {}, async (signal, lease) => {
      vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + jump });
      await lease.confirmIfStale();
      await lease.confirm();
      const another = withLease(database.connection, "x", {}, async () => undefined);
      await expect(another).rejects.toMatchObject({ code: "LOCKED" });
      expect(signal.aborted).toBe(false);
    });
  });

  /** To a server whose clock jumped ahead a lease runs out earlier; to one that was set back, later. */
  const serverJumps = async (ms: number) => {
    const leases = database.connection.collection("org_db_leases");
    const held = await leases.findOne();
    await leases.updateOne({}, { $set: { expiresAt: new Date(held?.expiresAt.getTime() - ms) } });
  };

  test("ahead, on the server: another takes over, and the holder writes nothing more", async () => {
    const { plan } = await optimizerOf([{ a: 1 }], [{ b: 1 }]).plan();
    const applying = withLease(database.connection, "setup", {}, async (signal, lease) => {
      await serverJumps(hour);
      await withLease(database.connection, "setup", {}, async () => {
        await applyPlan(database.connection, plan, { signal, lease });
      });
    });
    await expect(applying).rejects.toMatchObject({ code: "LEASE_LOST" });
    expect((await database.connection.listCollections()).map(({ name }) => name)).toEqual(["org_db_leases"]);
  });

  test("back, on the server: nobody else gets the lease before it is given back", async () => {
    const another = () => withLease(database.connection, "x", {}, async () => "held");
    await withLease(database.connection, "x", {}, async () => {
      await serverJumps(-hour);
      await expect(another()).rejects.toMatchObject({ code: "LOCKED" });
    });
    expect(await another()).toBe("held");
  });
});

test("nothing is dropped that nobody asked for, whatever is allowed", async () => {
  await seedDrift(database.connection);
  const optimizer = new DatabaseOptimizer(database.connection, {
    models: driftingModels(database.connection),
  });
  for (let run = 0; run < 3; run++) await optimizer.apply({ rebuild: true, drop: true, observeSeconds: 0 });
  expect(await indexNames()).toEqual(expect.arrayContaining(["own", "stray"]));
});

// https://www.mongodb.com/docs/manual/reference/command/currentOp/#active-indexing-operations
describe("progress of a build", () => {
  const place = { collection: "things", name: "a_1" };
  const command = { createIndexes: "things", indexes: [{ key: { a: 1 }, name: "a_1" }] };
  const msg = "Index Build: scanning collection Index Build: scanning collection: 3/10 30%";
  const progress = { done: 3, total: 10 };
  test.each<[string, Document, object | undefined]>([
    ["of the command", { ns: "shop.$cmd", command, msg, progress }, { done: 3, total: 10, message: msg }],
    [
      "of the build that outlives it",
      { ns: "shop.things", command: {}, msg, progress },
      { done: 3, total: 10, message: msg },
    ],
    [
      "of another index",
      { ns: "shop.$cmd", command: { ...command, indexes: [{ name: "b_1" }] }, msg, progress },
      undefined,
    ],
    ["of another collection", { ns: "shop.others", command: {}, msg, progress }, undefined],
    ["before it has begun to count", { ns: "shop.things", command, msg: "Index Build: starting" }, undefined],
    [
      "of an operation that is no build",
      { ns: "shop.things", command: { find: "things" }, progress },
      undefined,
    ],
  ])("%s", (_name, operation, expected) => {
    expect(buildProgress([{ ns: "shop.things" }, operation], "shop", place)).toEqual(expected);
  });

  test("is asked for while a build runs, and handed on", async () => {
    const seen: unknown[] = [];
    const { plan } = await optimizerOf([{ a: 1 }]).plan();
    const build = { ns: `${database.name}.things`, command: {}, msg, progress };
    const slow = answering(database.connection, {
      createIndexes: async (_document, send) => {
        await setTimeout(1_500);
        return send();
      },
      currentOp: async () => ({ inprog: [build] }),
    });
    await applyPlan(slow, plan, { onProgress: (event) => event.build && seen.push(event.build) });
    expect(seen).toEqual([{ done: 3, total: 10, message: msg }]);
  });
});
