// Source: MongoDB's manual, "TTL indexes" (creating one on old documents deletes them at once, and so does shortening one), and
// the CLI reference of this project ("without --run nothing is removed"). Input: TTL indexes, time series and clustered
// collections over old data. Right: the plan counts what goes at once, and waits for consent.
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { Schema } from "mongoose";
import { expect, test } from "vitest";
import type { ModelLike } from "../../src/core/model.js";
import { applyPlan } from "../../src/indexes/apply/apply.js";
import { readPlan } from "../../src/indexes/plan/read-plan.js";
import { initialize, planSetup } from "../../src/setup/initialize.js";
import { intercepted, overriding, serverError } from "../support.js";

const database = useTemporaryDatabase({ label: "expiry_asks", per: "test" });

const day = 86_400;
const old = new Date(Date.now() - 90 * day * 1_000);
const recent = new Date(Date.now() + day * 1_000);

let models = 0;
function model(index: object, options: object = {}, key: object = { at: 1 }): ModelLike {
  models += 1;
  const schema = new Schema({ at: Date }, { collection: "logs", ...options } as never);
  if (Object.keys(index).length > 0) schema.index(key as never, index);
  return database.connection.model(`Log${models}`, schema) as unknown as ModelLike;
}

const logs = () => database.connection.collection("logs");

test.each([
  ["dates", { expireAfterSeconds: day }, [{ at: old }, { at: old }, { at: recent }], 2],
  [
    "lists of dates, by the earliest",
    { expireAfterSeconds: day },
    [{ at: [recent, old] }, { at: [recent] }],
    1,
  ],
  [
    "nothing that is no date",
    { expireAfterSeconds: day },
    [{ at: "2001-01-01" }, { at: 5 }, { at: null }, {}],
    0,
  ],
  [
    "only what a partial index holds",
    { expireAfterSeconds: day, partialFilterExpression: { gone: true } },
    [{ at: old, gone: true }, { at: old }],
    1,
  ],
  ["what is due by its own date", { expireAfterSeconds: 0 }, [{ at: old }, { at: recent }], 1],
])("counts %s", async (_what, index, documents, expected) => {
  await logs().insertMany(documents as object[]);
  const { plan } = await readPlan(database.connection, [model(index)]);
  expect(plan.steps[0]).toMatchObject({
    kind: "create",
    destructive: expected > 0,
    expiring: { documents: expected },
  });
  if (expected > 0) expect(plan.steps[0]?.riskReason).toContain(`deletes ${expected} document`);
});

test("creates and shortens an expiry only with consent, and lengthens it without", async () => {
  await logs().insertMany([{ at: old }, { at: recent }]);
  const { connection } = database;
  const expiry = async () => (await logs().indexes()).find(({ name }) => name === "at_1")?.expireAfterSeconds;
  expect(await initialize(connection, [model({ expireAfterSeconds: day })])).toMatchObject({ ready: false });
  expect(await expiry()).toBeUndefined();
  await initialize(connection, [model({ expireAfterSeconds: 365 * day })]);
  expect(await expiry()).toBe(365 * day);
  const shorter = model({ expireAfterSeconds: 30 * day });
  const { plan } = await readPlan(connection, [shorter]);
  expect(plan.steps).toMatchObject([{ kind: "setTtl", destructive: true, expiring: { documents: 1 } }]);
  expect((await applyPlan(connection, plan, { rebuild: true, drop: true })).steps).toMatchObject([
    { outcome: "skipped" },
  ]);
  expect(await expiry()).toBe(365 * day);
  expect((await applyPlan(connection, plan, { allowExpiry: true })).steps).toMatchObject([
    { outcome: "done" },
  ]);
  expect(await expiry()).toBe(30 * day);
  await initialize(connection, [model({ expireAfterSeconds: 60 * day })]);
  expect(await expiry()).toBe(60 * day);
});

test("a rebuild that begins to expire waits for both consents", async () => {
  await logs().insertMany([{ at: old }]);
  await logs().createIndex({ at: 1, n: 1 }, { name: "x" });
  const { plan } = await readPlan(database.connection, [model({ name: "x", expireAfterSeconds: day })]);
  expect(plan.steps).toMatchObject([{ kind: "rebuild", destructive: true, expiring: { documents: 1 } }]);
  expect((await applyPlan(database.connection, plan, { rebuild: true })).steps).toMatchObject([
    { outcome: "skipped" },
  ]);
});

test("what could not be counted in time counts as something", async () => {
  await logs().insertMany([{ at: recent }]);
  const slow = intercepted(database.connection, () => undefined);
  const db = overriding(slow.db!, {
    collection: (name: string, options: object) =>
      overriding(database.connection.db!.collection(name, options), {
        countDocuments: async () => {
          throw serverError(50, "operation exceeded time limit");
        },
      }),
  });
  const { plan } = await readPlan(overriding(slow, { db }), [model({ expireAfterSeconds: day })]);
  expect(plan.steps).toMatchObject([
    { destructive: true, riskReason: expect.stringContaining("could not be counted") },
  ]);
});

// https://www.mongodb.com/docs/manual/core/timeseries/timeseries-automatic-removal/
test("a time series that is to expire sooner says what goes, and waits", async () => {
  const { connection } = database;
  await connection.db!.createCollection("logs", {
    timeseries: { timeField: "at" },
    expireAfterSeconds: 365 * day,
  });
  await logs().insertMany([{ at: old }, { at: recent }]);
  const sooner = model({}, { timeseries: { timeField: "at" }, expireAfterSeconds: day });
  const { collections } = await planSetup(connection, [sooner]);
  expect(collections).toMatchObject([{ kind: "setExpiry", destructive: true, expiring: { documents: 1 } }]);
  const waiting = await initialize(connection, [sooner], { replaceValidators: true });
  expect(waiting).toMatchObject({ changed: false, ready: false, waiting: [{ kind: "setExpiry" }] });
});

test("an expiry of a time series that no model declares is left alone, and told", async () => {
  const { connection } = database;
  await connection.db!.createCollection("logs", { timeseries: { timeField: "at" }, expireAfterSeconds: day });
  const { collections, notes } = await planSetup(connection, [
    model({}, { timeseries: { timeField: "at" } }),
  ]);
  expect(collections).toEqual([]);
  expect(notes).toMatchObject([
    { collection: "logs", message: expect.stringContaining("expire after 1 day") },
  ]);
});
