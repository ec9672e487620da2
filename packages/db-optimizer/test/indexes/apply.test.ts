import { missingCapabilities, useTemporaryDatabase } from "@org/dev-kit/vitest";
import { type Connection, createConnection, Schema } from "mongoose";
import { describe, expect, test } from "vitest";

import { isOptimizerError } from "../../src/core/errors.js";
import { collectionNames, type Document, type ModelLike } from "../../src/core/model.js";
import { applyPlan } from "../../src/indexes/apply/apply.js";
import type { ApplyOptions } from "../../src/indexes/apply/run.js";
import { expectedIndexes } from "../../src/indexes/declared.js";
import { inspectIndexes } from "../../src/indexes/inspect.js";
import { type DriftReport, diffIndexes } from "../../src/indexes/plan/diff.js";
import { type Plan, planIndexes } from "../../src/indexes/plan/plan.js";
import { modelOf } from "../support.js";

const database = useTemporaryDatabase({ label: "apply", per: "test" });

async function look(models: ModelLike[]): Promise<{ drift: DriftReport; plan: Plan }> {
  const actual = await inspectIndexes(database.connection, collectionNames(models));
  const drift = diffIndexes(expectedIndexes(models), actual);
  return { drift, plan: planIndexes(drift, actual) };
}

async function applyTo(models: ModelLike[], options?: ApplyOptions) {
  const { plan } = await look(models);
  return applyPlan(database.connection, plan, options);
}

const things = (connection: Connection) => connection.collection("things");

async function indexOn(key: Document, options: Document = {}) {
  await things(database.connection).createIndex(key as never, options);
}

async function indexNames(): Promise<string[]> {
  const listed = await things(database.connection).listIndexes().toArray();
  return listed.map(({ name }) => name as string).sort();
}

const declares = (...indexes: [Document, Document?][]) => [modelOf({}, { indexes })];

test("creates what is missing, then has nothing left to do", async () => {
  const models = declares(
    [{ a: 1 }],
    [{ b: 1, c: -1 }, { unique: true }],
    [{ d: 1 }, { expireAfterSeconds: 60 }],
  );
  const seen: string[] = [];
  const result = await applyTo(models, {
    onProgress: ({ step, result: end }) => seen.push(`${step.index} ${end?.outcome}`),
  });
  expect(result).toMatchObject({ changed: true, complete: true });
  expect(seen).toContain("a_1 undefined");
  expect(seen).toContain("a_1 done");
  const { drift, plan } = await look(models);
  expect(drift.inSync).toBe(true);
  expect(plan.steps).toEqual([]);
});

test("never drops the user's own index", async () => {
  await indexOn({ own: 1 });
  await applyTo(declares([{ a: 1 }]), { rebuild: true });
  expect(await indexNames()).toEqual(["_id_", "a_1", "own_1"]);
});

test("changes the TTL in place", async () => {
  await indexOn({ d: 1 }, { expireAfterSeconds: 3600 });
  const models = declares([{ d: 1 }, { expireAfterSeconds: 60 }]);
  await applyTo(models);
  expect((await look(models)).drift.inSync).toBe(true);
});

test("shows a declared index that was hidden", async () => {
  await indexOn({ a: 1 }, { hidden: true });
  const models = declares([{ a: 1 }]);
  await applyTo(models);
  expect((await look(models)).drift.inSync).toBe(true);
});

test("makes an index unique without building it again", async () => {
  await things(database.connection).insertMany([{ e: 1 }, { e: 2 }]);
  await indexOn({ e: 1 });
  const models = declares([{ e: 1 }, { unique: true }]);
  await applyTo(models);
  expect((await look(models)).drift.inSync).toBe(true);
  await expect(things(database.connection).insertOne({ e: 2 })).rejects.toMatchObject({ code: 11000 });
});

describe("duplicates", () => {
  const models = declares([{ email: 1 }, { unique: true }], [{ a: 1 }]);

  test("are named when a unique index is built; the other steps run", async () => {
    await things(database.connection).insertMany([
      { _id: 1 as never, email: "x@example.com" },
      { _id: 2 as never, email: "x@example.com" },
      { _id: 3 as never, email: "y@example.com" },
    ]);
    const result = await applyTo(models);
    expect(result.complete).toBe(false);
    const failed = result.steps.find(({ outcome }) => outcome === "failed");
    expect(isOptimizerError(failed?.error, "DUPLICATES")).toBe(true);
    expect(failed?.error?.message).toContain('{"email":"x@example.com"} 2 times (1, 2)');
    expect(failed?.error?.details.duplicates).toEqual([
      { value: { email: "x@example.com" }, count: 2, ids: [1, 2] },
    ]);
    expect(await indexNames()).toEqual(["_id_", "a_1"]);
  });

  test("are named when an index is made unique, which is undone", async () => {
    await things(database.connection).insertMany([{ email: "x" }, { email: "x" }]);
    await indexOn({ email: 1 });
    const result = await applyTo(models);
    expect(result.steps.find(({ outcome }) => outcome === "failed")?.error?.code).toBe("DUPLICATES");
    await things(database.connection).insertOne({ email: "x" });
  });

  test("inside arrays are named by the server, whose dry run knows the documents", async () => {
    const documents = [
      { _id: 1, email: ["a", "b"] },
      { _id: 2, email: ["b", "c"] },
    ];
    await things(database.connection).insertMany(documents as never[]);
    await indexOn({ email: 1 });
    const [, failed] = (await applyTo(models)).steps;
    expect(failed?.error?.message).toBe("things.email_1 cannot be unique: one value 2 times (1, 2)");
    expect(failed?.error?.details.duplicates).toEqual([{ value: {}, count: 2, ids: [1, 2] }]);
  });

  test("outside the partial filter do not count", async () => {
    await things(database.connection).insertMany([
      { email: "x", live: true },
      { email: "x" },
      { email: "x" },
    ]);
    const result = await applyTo(
      declares([{ email: 1 }, { unique: true, partialFilterExpression: { live: true } }]),
    );
    expect(result.complete).toBe(true);
  });
});

describe("rebuild", () => {
  const models = declares([
    { a: 1, b: -1 },
    { name: "i", sparse: true },
  ]);

  test("waits to be asked", async () => {
    await indexOn({ a: 1 }, { name: "i" });
    const result = await applyTo(models);
    expect(result).toMatchObject({ changed: false, complete: false, steps: [{ outcome: "skipped" }] });
  });

  test("replaces the index and leaves no twin", async () => {
    await indexOn({ a: 1 }, { name: "i" });
    await applyTo(models, { rebuild: true });
    expect((await look(models)).drift).toMatchObject({ inSync: true, extra: [], leftovers: [] });
  });

  test("picks up where another was cut short after its drop", async () => {
    await indexOn({ a: -1, b: 1 }, { name: "i__rebuild_twin", sparse: true });
    const result = await applyTo(models);
    expect(result.steps.map(({ step, outcome }) => [step.kind, outcome])).toEqual([
      ["create", "done"],
      ["removeTwin", "done"],
    ]);
    expect(await indexNames()).toEqual(["_id_", "i"]);
  });

  test("keeps the twin while what it stands in for is missing", async () => {
    await indexOn({ a: -1, b: 1 }, { name: "i__rebuild_twin", sparse: true });
    const { plan } = await look(models);
    const onlyRemoval = { ...plan, steps: plan.steps.filter(({ kind }) => kind === "removeTwin") };
    const result = await applyPlan(database.connection, onlyRemoval);
    expect(result.steps[0]?.error?.code).toBe("INDEX_CONFLICT");
    expect(await indexNames()).toContain("i__rebuild_twin");
  });

  test("does not drop when the new index cannot be built", async () => {
    await things(database.connection).insertMany([{ a: 1 }, { a: 1 }]);
    await indexOn({ a: 1 }, { name: "u", sparse: true });
    const result = await applyTo(declares([{ a: 1 }, { name: "u", unique: true }]), { rebuild: true });
    expect(result.steps[0]?.error?.code).toBe("DUPLICATES");
    expect(await indexNames()).toContain("u");
  });
});

test("two at once end in the same state, and both report success", async () => {
  const models = declares([{ a: 1 }], [{ b: 1 }, { unique: true }], [{ c: 1 }]);
  const { plan } = await look(models);
  const results = await Promise.all([1, 2, 3].map(() => applyPlan(database.connection, plan)));
  expect(results.every(({ complete }) => complete)).toBe(true);
  expect((await look(models)).drift.inSync).toBe(true);
});

test("a step that another process has done is not repeated", async () => {
  const models = declares([{ a: 1 }]);
  const { plan } = await look(models);
  await applyPlan(database.connection, plan);
  expect(await applyPlan(database.connection, plan)).toMatchObject({
    changed: false,
    steps: [{ outcome: "unneeded" }],
  });
});

test("stops between steps on request", async () => {
  const models = declares([{ a: 1 }], [{ b: 1 }]);
  const stop = new AbortController();
  const applying = applyTo(models, {
    signal: stop.signal,
    onProgress: ({ result }) => result && stop.abort(),
  });
  await expect(applying).rejects.toMatchObject({ code: "ABORTED" });
  expect((await look(models)).plan.steps).toHaveLength(1);
  await applyTo(models);
  expect((await look(models)).drift.inSync).toBe(true);
});

test("a text index comes back as declared, and where the server refuses one, that is told and the rest is done", async () => {
  const models = declares([{ s: "text", t: "text" }, { weights: { s: 3 } }], [{ a: 1 }]);
  const { steps } = await applyTo(models);
  const { inSync, missing } = (await look(models)).drift;
  if (missingCapabilities("specialIndexes").length === 0) {
    expect(inSync).toBe(true);
    return;
  }
  expect(steps.map(({ outcome }) => outcome).sort()).toEqual(["done", "failed"]);
  expect(steps.find(({ outcome }) => outcome === "failed")?.error?.kind).toBe("server");
  expect(missing.map(({ keys }) => keys[0]?.kind)).toEqual(["text"]);
});

test.each<[string, [Document, Document?]]>([
  ["wildcard", [{ "$**": 1 }, { wildcardProjection: { a: 1 } }]],
  ["2dsphere", [{ place: "2dsphere" }, { sparse: true }]],
  ["2d", [{ place: "2d" }]],
  ["partial", [{ a: 1 }, { partialFilterExpression: { n: { $gt: 3 }, s: "x" } }]],
  ["collation", [{ a: 1 }, { collation: { locale: "en", strength: 2 } }]],
  ["nested", [{ "a.b": 1, "c.d": -1 }]],
])("%s comes back from the server as declared", async (_name, index) => {
  const models = declares(index);
  expect((await applyTo(models)).steps.map(({ error }) => error)).toEqual([undefined]);
  expect((await look(models)).drift).toMatchObject({ inSync: true, extra: [] });
});

test("an index on a collection with a collation of its own is not rebuilt by every apply", async () => {
  await database.connection.createCollection("things", { collation: { locale: "en", strength: 2 } });
  const models = declares([{ a: 1 }], [{ b: 1 }, { collation: { locale: "simple" } }]);
  await applyTo(models);
  expect((await look(models)).drift.inSync).toBe(true);
});

test("discriminators come back as declared", async () => {
  const base = new Schema(
    { a: { type: String, index: true } },
    { collection: "things", discriminatorKey: "kind" },
  );
  const offline = createConnection();
  const Base = offline.model("Base", base);
  Base.discriminator("Child", new Schema({ c: { type: String, unique: true } }));
  const models: ModelLike[] = [Base];
  await applyTo(models);
  expect((await look(models)).drift).toMatchObject({ inSync: true, extra: [] });
});

test("collections that do not exist are told, views are left alone", async () => {
  await database.connection.createCollection("source");
  await database.connection.createCollection("seen", { viewOn: "source", pipeline: [] });
  const found = await inspectIndexes(database.connection, ["seen", "absent"]);
  expect(found).toMatchObject([
    { collection: "seen", exists: true, type: "view", indexes: [] },
    { collection: "absent", exists: false, indexes: [] },
  ]);
});
