import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { createConnection } from "mongoose";
import { beforeEach, describe, expect, test } from "vitest";
import {
  contractMigration,
  type Migration,
  MigrationGate,
  type MigrationWay,
  migrateUp,
  migrationStatus,
  rollbackMigration,
  type UpTo,
  verifyMigration,
} from "../../src/index.js";
import { assertMigration } from "../../src/migrate/definition.js";
import { planMigration } from "../../src/migrate/index.js";
import { boxesMigration, fillBoxes } from "../children/boxes.js";

const database = useTemporaryDatabase({ label: "migrate" });
const boxes = 20;
const migration = boxesMigration();
const options = { now: () => new Date(), limits: { maxBatch: 20, maxSlowdown: Number.POSITIVE_INFINITY } };

beforeEach(() => fillBoxes(database.connection, boxes));

const all = (name: string) => database.connection.collection(name).find({}).sort({ _id: 1 }).toArray();
const up = () => migrateUp(database.connection, migration, options);
const verify = () => verifyMigration(database.connection, migration, options);

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
    // Going up again fixes documents unless a newer one forbids it, and removes those without a source.
    await things.updateOne({ _id: 7 }, { $set: { at: new Date(-1) } });
    expect(await up()).toMatchObject({ phase: "switched", verification: { clean: true } });
    await expectComplete();
  });

  describe("what the old layout loses", () => {
    const boxed = (box: number) => all("things").then((things) => things.filter((one) => one.box === box));
    const lose = (box: number) => database.connection.collection("boxes").deleteOne({ _id: box as never });

    test("after a rollback does not live again when it goes up a second time", async () => {
      await up();
      await rollbackMigration(database.connection, migration, options);
      await lose(7);
      const { verification } = await up();
      expect(verification).toMatchObject({ clean: true, sources: boxes - 1, repaired: 4, unowned: 0 });
      expect(await boxed(7)).toEqual([]);
      expect((await all("box_labels")).map(({ _id }) => _id)).not.toContain(7);
      await rollbackMigration(database.connection, migration, options);
      expect((await all("boxes")).map(({ _id }) => _id)).not.toContain(7);
    });

    test("by a process that died before the new layout lost it, is found by verify", async () => {
      await migrateUp(database.connection, migration, options, "verify");
      await lose(7);
      const { clean, mismatches } = await verify();
      expect(clean).toBe(false);
      expect(mismatches).toHaveLength(4);
      expect(mismatches).toContainEqual(
        expect.objectContaining({ kind: "extra", collection: "box_labels", id: 7, sourceId: 7 }),
      );
    });

    test("is told from what was in the new layout before, which stays and is counted", async () => {
      await database.connection.collection("box_labels").insertOne({ _id: 500 as never, label: "own" });
      expect((await up()).verification).toMatchObject({ clean: true, unowned: 1 });
      expect((await all("box_labels")).at(-1)).toEqual({ _id: 500, label: "own" });
      expect(await verify()).toMatchObject({ clean: true, unowned: 1 });
    });
  });

  test.each([
    ["expand", "source"],
    ["backfill", "source"],
    ["verify", "source"],
    ["switching", "source"],
    ["switched", "target"],
  ] as const)("goes back from %s, and no write is lost", async (phase, read) => {
    const stop = new AbortController();
    // At the last batch of the sweep before reads are switched.
    const onProgress = (event: { step: string; done: number }) => {
      if (event.step === "switching boxes" && event.done === boxes && phase === "switching") stop.abort();
    };
    const reaching = { ...options, onProgress, signal: stop.signal };
    const to = phase === "switching" ? "switched" : phase;
    const going = migrateUp(database.connection, migration, reaching, to);
    if (phase === "switching") await expect(going).rejects.toMatchObject({ code: "ABORTED" });
    else await going;
    const status = await migrationStatus(database.connection, migration);
    expect(status).toMatchObject({ phase, route: { read } });
    const fresh = { _id: 1_000, text: "new", at: new Date(1) };
    const collection = (name: string) => database.connection.collection<{ _id: number }>(name);
    const writes = {
      source: () => collection("boxes").updateOne({ _id: 3 }, { $addToSet: { things: fresh } } as object),
      target: () =>
        collection("things").updateOne({ _id: 1_000 }, { $set: { ...fresh, box: 3 } }, { upsert: true }),
    };
    await new MigrationGate(database.connection, migration).write(async ({ write }) => {
      for (const layout of write) await writes[layout]();
    });
    const before = await all("boxes");
    expect(await rollbackMigration(database.connection, migration, options)).toMatchObject({ phase: "off" });
    expect((await all("boxes"))[3]?.things).toContainEqual(fresh);
    expect(await all("boxes")).toEqual(before);
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

  test("has nothing to compare before it begins and after contract has, and says so", async () => {
    await expect(verify()).rejects.toMatchObject({ code: "MIGRATION_NOT_ALLOWED" });
    await up();
    await contractMigration(database.connection, migration, options);
    await expect(verify()).rejects.toMatchObject({ code: "MIGRATION_NOT_ALLOWED" });
  });

  test("is compared whole, wherever its backfill has come to", async () => {
    await migrateUp(database.connection, migration, options, "backfill");
    await expectComplete();
    await database.connection.collection("things").deleteOne({ _id: 7 as never });
    expect(await verify()).toMatchObject({ sources: boxes, mismatches: [{ kind: "missing", id: 7 }] });
  });

  test("is compared and fixed by reads from the primary, whatever the connection prefers", async () => {
    const uri = new URL(database.uri);
    uri.searchParams.set("readPreference", "secondaryPreferred");
    const connection = await createConnection(uri.href, { monitorCommands: true }).asPromise();
    const asked: string[] = [];
    connection.getClient().on("commandStarted", ({ command }) => {
      // By ids: what is compared before it is written. What is merely walked is read again before that.
      const byIds = JSON.stringify(command.filter ?? {}).includes("$in");
      if (command.find && byIds) asked.push(command.$readPreference?.mode ?? "primary");
    });
    await migrateUp(connection, migration, options);
    await rollbackMigration(connection, migration, options);
    await connection.close();
    expect(asked.length).toBeGreaterThan(10);
    expect(asked).not.toContain("secondaryPreferred");
  });

  test("shows how far an unfinished phase is, and that no process is running it", async () => {
    const stop = new AbortController();
    const waits: string[] = [];
    const half = {
      ...options,
      signal: stop.signal,
      onWait: (phase: string) => void waits.push(phase),
      onProgress: ({ step, done }: { step: string; done: number }) => {
        if (step === "backfill boxes" && done === 10) stop.abort();
      },
    };
    await expect(migrateUp(database.connection, migration, half)).rejects.toMatchObject({ code: "ABORTED" });
    expect(waits).toEqual(["expand", "backfill"]);
    const status = await migrationStatus(database.connection, migration);
    expect(status).toMatchObject({
      phase: "backfill",
      progress: { step: "backfill boxes", collection: "boxes", done: 10, total: boxes },
      heldUntil: null,
    });
    const now = new Date();
    expect(planMigration(status, "up", { now, to: "backfill" })).toEqual({ phases: [], unfinished: true });
    await migrateUp(database.connection, migration, options, "backfill");
    const after = await migrationStatus(database.connection, migration);
    expect(after.progress).toBeNull();
    expect(planMigration(after, "up", { now, to: "backfill" })).toEqual({ phases: [], unfinished: false });
  });

  test("a plan refuses what the command would refuse, and says from when on it will not", async () => {
    const later = { ...migration, retentionMs: 60_000 };
    const plan = async (way: MigrationWay, to?: UpTo) =>
      planMigration(await migrationStatus(database.connection, later), way, {
        now: options.now(),
        ...(to && { to }),
      });
    const refused = { code: "MIGRATION_NOT_ALLOWED" };
    await expect(plan("contract")).rejects.toMatchObject(refused);
    await migrateUp(database.connection, later, options);
    await expect(plan("up", "expand")).rejects.toMatchObject(refused);
    const { contractFrom } = await migrationStatus(database.connection, later);
    const early = { ...refused, message: expect.stringContaining(String(contractFrom?.toISOString())) };
    await expect(plan("contract")).rejects.toMatchObject(early);
    const running = contractMigration(database.connection, later, options);
    await expect(running).rejects.toMatchObject(early);
    expect(await plan("rollback")).toEqual({ phases: ["reverting", "expand", "off"], unfinished: false });
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
