import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { createConnection } from "mongoose";
import { expect, test } from "vitest";
import { DatabaseInitializer } from "../../src/initializer.js";
import { withLease } from "../../src/jobs/lease.js";
import { initialize } from "../../src/setup/initialize.js";
import { modelOf } from "../support.js";

const database = useTemporaryDatabase({ label: "initialize", per: "test" });

const models = [
  modelOf(
    { name: { type: String, required: true, maxlength: 5 }, n: { type: Number, min: 0 } },
    { indexes: [[{ name: 1 }, { unique: true }], [{ n: 1 }]] },
  ),
  modelOf({ at: Date }, { name: "Log", collection: "logs", capped: { size: 4096 } }),
];

test("sets up collections, validators and indexes; the second run changes nothing and says so", async () => {
  const initializer = new DatabaseInitializer(database.connection, models);
  const first = await initializer.initialize();
  expect(first).toMatchObject({ changed: true, ready: true, failures: [] });
  const [info] = await database.connection.db!.listCollections({ name: "things" }).toArray();
  expect(info).toMatchObject({ options: { validationAction: "warn", validationLevel: "moderate" } });
  const second = await initializer.initialize();
  expect(second).toMatchObject({ changed: false, ready: true, collections: [], indexes: [] });
});

test("validators warn, and refuse once told to", async () => {
  await initialize(database.connection, models);
  const things = database.connection.collection("things");
  await things.insertOne({ name: "longer than five" });
  const held = await initialize(database.connection, models, { validation: "error" });
  expect(held).toMatchObject({
    ready: false,
    collections: [{ kind: "setValidator", collection: "logs" }],
    held: [
      {
        collection: "things",
        sampled: 1,
        failing: 1,
        paths: [{ path: "name", kind: "length", documents: 1 }],
      },
    ],
  });
  await things.insertOne({ name: "longer than five as well" });
  const stricter = await initialize(database.connection, models, { validation: "error", raise: true });
  expect(stricter.collections).toMatchObject([{ kind: "setValidator", collection: "things" }]);
  expect(stricter).toMatchObject({ ready: true, held: [] });
  await expect(things.insertOne({ name: "longer than five, too" })).rejects.toMatchObject({ code: 121 });
  await things.insertOne({ name: "short", n: null });
});

test("a validator that documents fail is set to warn first where there was none; fixed documents let it refuse", async () => {
  const things = database.connection.collection("things");
  await things.insertMany([{ name: "fine" }, { name: 7 }]);
  const first = await initialize(database.connection, models, { validation: "error" });
  expect(first.held).toMatchObject([{ collection: "things", sampled: 2, failing: 1 }]);
  expect(first.checks.find(({ name }) => name === "validators")).toMatchObject({ ok: false });
  await things.insertOne({ name: "only warned of" });
  await things.deleteMany({ name: { $ne: "fine" } });
  const second = await initialize(database.connection, models, { validation: "error" });
  expect(second).toMatchObject({ ready: true, held: [], collections: [{ collection: "things" }] });
  await expect(things.insertOne({ name: 7 })).rejects.toMatchObject({ code: 121 });
});

test.each([0, -1, 1.5, 1_000_000])("refuses a sample of %s", async (sample) => {
  await initialize(database.connection, models);
  await expect(
    initialize(database.connection, models, { validation: "error", sample }),
  ).rejects.toMatchObject({
    code: "INVALID_OPTIONS",
  });
});

test("several at once: all end ready, one did the work", async () => {
  const others = await Promise.all([1, 2].map(() => createConnection(database.uri).asPromise()));
  try {
    const all = [database.connection, ...others];
    const results = await Promise.all(all.map((connection) => initialize(connection, models)));
    expect(results.every(({ ready }) => ready)).toBe(true);
    expect(results.filter(({ changed }) => changed)).toHaveLength(1);
  } finally {
    await Promise.all(others.map((connection) => connection.close()));
  }
});

test("an index that cannot be built is named, and the rest is set up", async () => {
  await database.connection.collection("things").insertMany([{ name: "a" }, { name: "a" }]);
  const result = await initialize(database.connection, models);
  expect(result).toMatchObject({ changed: true, ready: false, failures: [{ code: "DUPLICATES" }] });
  expect(result.checks.find(({ name }) => name === "indexes")?.message).toBe("things.name_1 is missing");
});

test("a collection of another kind is named, and the rest is set up", async () => {
  await database.connection.createCollection("logs");
  const result = await initialize(database.connection, models);
  expect(result).toMatchObject({ changed: true, ready: false });
  expect(result.failures).toMatchObject([
    { code: "COLLECTION_CONFLICT", message: expect.stringMatching(/^logs .*Log .*not capped on the server/) },
  ]);
  expect(await database.connection.collection("things").indexes()).toHaveLength(3);
});

test("a lease keeps others out, and is given back", async () => {
  const { connection } = database;
  await withLease(connection, "setup", {}, async () => {
    await expect(initialize(connection, models, { waitMs: 0 })).rejects.toMatchObject({ code: "LOCKED" });
  });
  expect((await initialize(connection, models, { waitMs: 0 })).ready).toBe(true);
});

test("the lease of a process that died runs out", async () => {
  const { connection } = database;
  const leases = connection.collection<{ _id: string; owner: string; expiresAt: Date; fencing: number }>(
    "org_db_leases",
  );
  await leases.insertOne({ _id: "setup", owner: "dead", expiresAt: new Date(Date.now() - 1000), fencing: 7 });
  await withLease(connection, "setup", {}, async () => {
    expect(await leases.findOne({ _id: "setup" })).toMatchObject({ fencing: 8 });
  });
});

test("the initializer tells how the server is guarded, how documents stand to their models, and what queries cost", async () => {
  const { connection } = database;
  const now = new Date("2027-01-01T00:00:00Z");
  await connection.collection("things").insertMany([{ name: "fine" }, { name: 7 }]);
  const initializer = new DatabaseInitializer(connection, models, {
    queries: [{ name: "byName", collection: "things", filter: { name: "fine" } }],
    checks: [
      { name: "audit", run: () => ({ ok: false, message: "Nothing is audited", evidence: "no event" }) },
      {
        name: "backups",
        part: "storage",
        run: () => ({ ok: false, message: "No backup", evidence: "none" }),
      },
    ],
  });
  const security = await initializer.checkSecurity({ now });
  expect(security.facts.authentication).toEqual({ known: true, value: false });
  expect(security.findings.map(({ code }) => code)).toEqual(["AUTHENTICATION_OFF", "CHECK_FAILED"]);
  expect(await initializer.validateSchemas()).toMatchObject([
    { collection: "things", sampled: 2, failing: 1 },
    { collection: "logs", sampled: 0, failing: 0 },
  ]);
  const analysis = await initializer.analyse({ now, thresholds: { limits: { things: { documents: 2 } } } });
  expect(analysis).toMatchObject({
    queries: { known: true, value: [{ query: "byName", problems: ["collection_scan"] }] },
    growth: { known: true, value: [{ collection: "things", documents: 2 }, { collection: "logs" }] },
    projections: [{ subject: "things", days: 0 }],
  });
  expect((await initializer.health({ now })).findings.map(({ evidence }) => evidence)).toContain(
    "backups: none",
  );
});
