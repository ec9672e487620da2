import { connect as connectSocket, createServer, type Socket } from "node:net";
import { setTimeout } from "node:timers/promises";
import { bundleChild, childrenAhead, randomOf, startChild, type WaitingChild } from "@org/dev-kit/children";
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { createConnection } from "mongoose";
import { beforeEach, describe, expect, test } from "vitest";
import {
  contractMigration,
  type Migration,
  MigrationGate,
  migrateUp,
  migrationStatus,
  rollbackMigration,
  verifyMigration,
} from "../../src/index.js";
import { assertMigration } from "../../src/migrate/definition.js";
import { boxesMigration, fillBoxes } from "../children/boxes.js";
import type { MigratorAssignment } from "../children/migrator.js";

const database = useTemporaryDatabase({ label: "migrate" });
const seed = Number(process.env.TEST_SEED ?? 20_961_124);
const boxes = 20;
const kills = 50;
const migration = boxesMigration();
const options = { now: () => new Date(), limits: { minBatch: 20, maxBatch: 20, niceRatio: 0 } };
const script = await bundleChild(new URL("../children/migrator.ts", import.meta.url));

beforeEach(() => fillBoxes(database.connection, boxes));

const all = (name: string) => database.connection.collection(name).find({}).sort({ _id: 1 }).toArray();
const up = () => migrateUp(database.connection, migration, options);
const verify = () => verifyMigration(database.connection, migration, options);

// The lease of a dead process runs out by itself after a minute; the tests do not wait for it.
async function aMinutePasses(): Promise<void> {
  const leases = database.connection.collection<{ _id: string }>("org_db_leases");
  await leases.updateMany({}, { $set: { expiresAt: new Date(0) } });
}

async function expectComplete(): Promise<void> {
  expect(await verify()).toMatchObject({
    clean: true,
    sources: boxes,
    expected: boxes * 4,
    found: boxes * 4,
  });
}

describe("a migration", () => {
  test("copies, verifies and switches, leaves the source as it was, and does nothing the second time", async () => {
    const before = await all("boxes");
    expect(await up()).toMatchObject({ from: "off", phase: "switched", verification: { clean: true } });
    expect(await all("boxes")).toEqual(before);
    await expectComplete();
    expect(await up()).toMatchObject({ changes: [], written: 0 });
  });

  test("does not switch what cannot be carried over, and names it", async () => {
    await database.connection.collection("box_labels").createIndex({ label: 1 }, { unique: true });
    try {
      await database.connection
        .collection("boxes")
        .updateOne({ _id: 5 as never }, { $set: { label: "box 4" } });
      await expect(up()).rejects.toMatchObject({
        code: "MIGRATION_MISMATCH",
        details: { mismatches: [{ kind: "conflict", id: 5, sourceId: 5, index: "label_1" }] },
      });
      expect((await migrationStatus(database.connection, migration)).phase).toBe("verify");
      await database.connection
        .collection("boxes")
        .updateOne({ _id: 5 as never }, { $set: { label: "box 5" } });
      expect(await up()).toMatchObject({ from: "verify", phase: "switched" });
    } finally {
      await database.connection.collection("box_labels").dropIndex("label_1");
    }
  });

  test("finds one document that was tampered with, one too many and one too few among all", async () => {
    await up();
    const things = database.connection.collection<{ _id: number }>("things");
    await things.updateOne({ _id: 7 }, { $set: { text: "another" } });
    await things.insertOne({ _id: 1_000, box: 3 } as never);
    expect((await verify()).mismatches).toMatchObject([
      { kind: "differs", id: 7, sourceId: 2 },
      { kind: "extra", id: 1_000, sourceId: 3 },
    ]);
    await rollbackMigration(database.connection, { ...migration, collapse: () => [] }, options);
    await things.deleteOne({ _id: 20 });
    const kinds = (await verify()).mismatches.map(({ kind, id }) => [kind, id]);
    expect(kinds).toEqual(expect.arrayContaining([["missing", 20]]));
    // Going up again mends what a newer document does not forbid, and removes what follows from nothing.
    await things.updateOne({ _id: 7 }, { $set: { at: new Date(-1) } });
    expect(await up()).toMatchObject({ phase: "switched", verification: { clean: true } });
    await expectComplete();
  });

  test("is contracted on command only, once, and then has no way back", async () => {
    const early = contractMigration(database.connection, migration, options);
    await expect(early).rejects.toMatchObject({ code: "MIGRATION_NOT_ALLOWED" });
    await up();
    expect(await contractMigration(database.connection, migration, options)).toMatchObject({
      phase: "contracted",
      written: boxes,
    });
    expect((await all("boxes")).filter((box) => "things" in box)).toEqual([]);
    expect(await contractMigration(database.connection, migration, options)).toMatchObject({ changes: [] });
    await expect(up()).rejects.toMatchObject({ code: "MIGRATION_NOT_ALLOWED" });
    await expect(rollbackMigration(database.connection, migration, options)).rejects.toMatchObject({
      code: "MIGRATION_NOT_ALLOWED",
    });
  });

  test.each<[string, Partial<Record<keyof Migration, unknown>>]>([
    ["no name", { name: "" }],
    ["no source", { source: undefined }],
    ["source among targets", { targets: ["boxes"] }],
    ["no expand", { expand: 1 }],
    ["nothing to contract", { contract: { unset: [] } }],
    ["a lease of no time", { phaseLeaseMs: Number.NaN }],
  ])("is refused with %s", (_what, wrong) => {
    expect(() => assertMigration({ ...migration, ...wrong })).toThrow(
      expect.objectContaining({ code: "INVALID_MIGRATION" }),
    );
  });
});

describe("the gate", () => {
  test("makes a write again that went to one layout while the phase came to write both", async () => {
    const gate = new MigrationGate(database.connection, migration);
    const routes: string[] = [];
    await gate.write(async ({ write }) => {
      routes.push(write.join());
      if (routes.length === 1) await migrateUp(database.connection, migration, options, "expand");
    });
    expect(routes).toEqual(["source", "source,target"]);
  });

  test("reads again what was read from the layout that is no longer read", async () => {
    const gate = new MigrationGate(database.connection, migration);
    const routes: string[] = [];
    const answer = await gate.read(async ({ read }) => {
      routes.push(read);
      if (routes.length === 1) await up();
      return read;
    });
    expect(answer).toBe("target");
    expect(routes).toEqual(["source", "target"]);
  });

  test("asks the server once for many calls within half of the lease", async () => {
    const gate = new MigrationGate(database.connection, boxesMigration(60_000));
    let asked = 0;
    const client = database.connection.getClient();
    const note = ({ command }: { command: Record<string, unknown> }) => {
      if (command.find === "org_db_migrations") asked += 1;
    };
    client.on("commandStarted", note);
    await Promise.all(Array.from({ length: 50 }, () => gate.read(async () => undefined)));
    client.off("commandStarted", note);
    expect(asked).toBeLessThanOrEqual(1);
  });
});

const starting = () => startChild(script, database.uri);
const tell = (child: WaitingChild, assignment: MigratorAssignment) => child.tell(JSON.stringify(assignment));

async function someMoment(child: WaitingChild, random: () => number, phase: RegExp): Promise<void> {
  const wanted = Math.floor(random() * 6);
  const reached = () => child.printed().match(phase)?.length ?? 0;
  while (reached() < wanted && !child.printed().includes("ended")) await setTimeout(1);
  await setTimeout(random() * 20);
}

describe(`${kills} kills at random moments (seed ${seed})`, () => {
  test.each([
    ["of the backfill", /^reached backfill/gm],
    ["of the verification and the switch", /^reached (backfill|verify|switching)/gm],
  ])(
    "%s: the next run finishes, and the source is untouched",
    async (what, phase) => {
      const random = randomOf(seed + what.length);
      const next = childrenAhead(2, kills, starting);
      const before = await all("boxes");
      for (let kill = 0; kill < kills; kill++) {
        await fillBoxes(database.connection, boxes);
        const child = await next();
        tell(child, {});
        if (what.includes("switch")) {
          const ready = ["verify", "switching"][kill % 2] as string;
          while (!new RegExp(`reached ${ready}|ended`).test(child.printed())) await setTimeout(1);
          await setTimeout(random() * 60);
        } else await someMoment(child, random, phase);
        child.kill();
        await child.exited;
        await aMinutePasses();
        expect(await up()).toMatchObject({ phase: "switched", verification: { clean: true } });
        await expectComplete();
        expect(await all("boxes")).toEqual(before);
      }
    },
    180_000,
  );

  test("of a rollback: the next run finishes, and what the new layout alone had is in the old one", async () => {
    const random = randomOf(seed);
    const kills = 15;
    const next = childrenAhead(2, kills, starting);
    for (let kill = 0; kill < kills; kill++) {
      await fillBoxes(database.connection, boxes);
      await up();
      const fresh = { _id: 1_000, box: 3, text: "new", at: new Date(1) };
      await database.connection.collection("things").insertOne(fresh as never);
      const child = await next();
      tell(child, { back: true });
      await setTimeout(random() * 150);
      child.kill();
      await child.exited;
      await aMinutePasses();
      expect(await rollbackMigration(database.connection, migration, options)).toMatchObject({
        phase: "off",
      });
      const box = await database.connection.collection("boxes").findOne({ _id: 3 as never });
      expect(box?.things).toContainEqual({ _id: 1_000, text: "new", at: new Date(1) });
    }
  }, 180_000);
});

describe("two runners", () => {
  test("the second is refused while the first is at it", async () => {
    const child = starting();
    await child.hasPrinted("ready\n");
    tell(child, { sleepMs: 2_000 });
    await child.hasPrinted("reached backfill");
    await expect(up()).rejects.toMatchObject({ code: "LOCKED" });
    await child.hasPrinted("ended switched");
    await child.exited;
    await expectComplete();
  }, 60_000);

  test("one that slept longer than its lease writes nothing more, and the other is done", async () => {
    const child = starting();
    await child.hasPrinted("ready\n");
    tell(child, { leaseMs: 500, sleepMs: 3_000 });
    await child.hasPrinted("reached backfill");
    const result = await migrateUp(database.connection, migration, { ...options, waitMs: 10_000 });
    expect(result).toMatchObject({ phase: "switched" });
    await child.hasPrinted("ended LEASE_LOST");
    await child.exited;
    const { history } = await migrationStatus(database.connection, migration);
    const fences = history.map(({ fencing }) => fencing);
    expect(fences).toEqual([...fences].sort((a, b) => a - b));
    await expectComplete();
  }, 60_000);
});

test("a connection that is cut within a batch: the run fails or goes on, and the next one finishes", async () => {
  const target = new URL(database.uri);
  const sockets = new Set<Socket>();
  const proxy = createServer((client) => {
    const server = connectSocket(Number(target.port), target.hostname);
    for (const socket of [client, server]) {
      sockets.add(socket);
      socket.on("error", () => undefined).on("close", () => sockets.delete(socket));
    }
    client.pipe(server).pipe(client);
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const through = new URL(database.uri);
  through.port = String((proxy.address() as { port: number }).port);
  const connection = await createConnection(through.href).asPromise();
  try {
    const random = randomOf(seed);
    for (let cut = 0; cut < 10; cut++) {
      await fillBoxes(database.connection, boxes);
      let batches = Math.floor(random() * 8);
      const cutAll = () => {
        for (const socket of sockets) socket.destroy();
      };
      const onProgress = () => {
        if (batches-- === 0) void setTimeout(random() * 10).then(cutAll);
      };
      await migrateUp(connection, migration, { ...options, onProgress }).catch((error) =>
        expect(error).toMatchObject({ name: "OptimizerError", kind: "server" }),
      );
      await aMinutePasses();
      expect(await up()).toMatchObject({ phase: "switched", verification: { clean: true } });
      await expectComplete();
    }
  } finally {
    await connection.close();
    proxy.close();
  }
}, 120_000);
