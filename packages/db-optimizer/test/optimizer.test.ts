import { needs, useTemporaryDatabase } from "@org/dev-kit/vitest";
import { expect, test } from "vitest";

import { DatabaseInitializer, DatabaseOptimizer, type NamedQuery } from "../src/index.js";
import { withLease } from "../src/jobs/index.js";
import { modelOf } from "./support.js";

const database = useTemporaryDatabase({ label: "optimizer", per: "test" });

const models = [modelOf({ a: Number, at: Date }, { indexes: [[{ a: 1 }], [{ at: 1 }]] })];
const queries = [{ name: "byA", collection: "things", filter: { a: 1 }, sort: { a: 1 } as const, limit: 5 }];
const cleanup = [{ name: "old", collection: "things", field: "at", retentionSeconds: 60 }];

needs("clusterMonitoring")("one object for the whole way: plan, apply, optimise, clean, check", async () => {
  const optimizer = new DatabaseOptimizer(database.connection, { models, queries, cleanup });
  const now = new Date("2026-05-01T00:00:00Z");
  await database.connection.collection("things").insertMany([
    { a: 1, at: new Date("2026-01-01T00:00:00Z") },
    { a: 1, at: now },
  ]);
  expect((await optimizer.inspect()).inSync).toBe(false);
  expect(await optimizer.apply()).toMatchObject({ changed: true, complete: true });
  expect(await optimizer.apply()).toEqual({ changed: false, complete: true, steps: [] });
  expect((await optimizer.optimize({ rounds: 2 })).indexHitRatio).toBe(1);
  expect((await optimizer.cleanup({ now })).rules[0]).toMatchObject({ matched: 1, deleted: 0 });
  expect((await optimizer.cleanup({ now, run: true })).rules[0]).toMatchObject({ matched: 1, deleted: 1 });
  expect((await optimizer.health({ now })).score).toBeGreaterThan(0);
});

test("what writes waits for a lease; what reads does not", async () => {
  const optimizer = new DatabaseOptimizer(database.connection, { models, cleanup });
  const now = new Date();
  await withLease(database.connection, "setup", {}, async () => {
    await expect(optimizer.apply()).rejects.toMatchObject({ code: "LOCKED" });
    expect((await optimizer.plan()).plan.steps).toHaveLength(2);
  });
  await optimizer.apply();
  await withLease(database.connection, "cleanup", {}, async () => {
    await expect(optimizer.cleanup({ now, run: true })).rejects.toMatchObject({ code: "LOCKED" });
    await optimizer.cleanup({ now });
  });
});

test("two that rebuild at once take turns, and the index is there at every moment", async () => {
  const things = database.connection.collection("things");
  await things.createIndex({ a: -1, at: 1 }, { name: "a_1" });
  await things.insertMany([{ a: 1 }, { a: 2 }]);
  const optimizer = new DatabaseOptimizer(database.connection, { models });
  const both = [1, 2].map(() => optimizer.apply({ rebuild: true, waitMs: 20_000 }));
  let working = true;
  const finished = Promise.all(both).finally(() => {
    working = false;
  });
  while (working) {
    const plan = await things.find({ a: 1 }).explain("queryPlanner");
    expect(JSON.stringify(plan.queryPlanner.winningPlan)).toContain("IXSCAN");
  }
  expect((await finished).every(({ complete }) => complete)).toBe(true);
  expect(await optimizer.inspect()).toMatchObject({ inSync: true, extra: [], leftovers: [] });
});

test("two named queries of one name are refused wherever queries are given", async () => {
  const query = { name: "byA", collection: "things", filter: { a: 1 } };
  const given = { models, queries: [query, { ...query, filter: { at: 1 } }] };
  const optimizer = new DatabaseOptimizer(database.connection, given);
  const refused = { code: "INVALID_QUERY", message: 'Two named queries are named "byA"' };
  await expect(optimizer.health()).rejects.toMatchObject(refused);
  await expect(optimizer.optimize()).rejects.toMatchObject(refused);
  await expect(optimizer.advise()).rejects.toMatchObject(refused);
  await expect(optimizer.shardPlan()).rejects.toMatchObject(refused);
  await expect(optimizer.apply()).rejects.toMatchObject(refused);
});

test("a named query of a write that there is not is refused", async () => {
  const query = { name: "byA", collection: "things", filter: { a: 1 }, write: "updateAll" };
  const optimizer = new DatabaseOptimizer(database.connection, { models, queries: [query as NamedQuery] });
  await expect(optimizer.shardPlan()).rejects.toMatchObject({
    code: "INVALID_QUERY",
    message: expect.stringContaining('The write of "byA" must be one of updateOne, '),
  });
});

// With a moment for each call and a clock beside, the age of documents and that of events could be told by two clocks.
needs("clusterMonitoring")("one clock tells every moment, unless a call names another", async () => {
  const at = new Date("2026-05-01T00:00:00Z");
  const clock = () => at;
  const optimizer = new DatabaseOptimizer(database.connection, { models, cleanup, clock });
  await database.connection.collection("things").insertMany([
    { a: 1, at: new Date("2026-04-30T23:58:00Z") },
    { a: 2, at: new Date("2026-04-30T23:59:30Z") },
  ]);
  await optimizer.apply();
  expect((await optimizer.cleanup()).rules[0]).toMatchObject({ matched: 1 });
  const later = new Date("2026-05-01T00:01:00Z");
  expect((await optimizer.cleanup({ now: later })).rules[0]).toMatchObject({ matched: 2 });
  expect((await optimizer.health()).facts.at).toEqual(at);
  expect((await optimizer.health({ now: later })).facts.at).toEqual(later);
  const initializer = new DatabaseInitializer(database.connection, models, { clock });
  expect((await initializer.health()).facts.at).toEqual(at);
  await expect(initializer.validateSchemas(0)).rejects.toMatchObject({ code: "INVALID_OPTIONS" });
});
