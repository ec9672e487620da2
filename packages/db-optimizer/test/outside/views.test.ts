// Views, and collections that do not exist. Source: the manual on views (they are read-only
// and have no indexes). Input: a cleanup rule and a named query on a view, a query on a collection that is not there yet,
// a value that is no model. Right: each is said in its own words, with what to do; nothing advises an index on a view.
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { Schema } from "mongoose";
import { expect, test } from "vitest";
import { assertModel } from "../../src/core/model.js";
import { DatabaseOptimizer } from "../../src/optimizer.js";

const database = useTemporaryDatabase({ label: "views", per: "test" });

test("a cleanup rule on a view names the view", async () => {
  const { connection } = database;
  const orders = connection.model("Order", new Schema({ at: Date }));
  await connection.createCollection("old_orders", { viewOn: "orders", pipeline: [] });
  const cleanup = [{ name: "old", collection: "old_orders", field: "at", retentionSeconds: 5 }];
  const optimizer = new DatabaseOptimizer(connection, { models: [orders], cleanup });
  await expect(optimizer.cleanup({ now: new Date() })).rejects.toMatchObject({
    code: "INVALID_RULE",
    message: 'Cleanup rule "old" is on old_orders, which is a view: name the collection that the view reads',
  });
});

// mongodb-js/compass#4396: deletes by _id in a time series, whose _id may be missing or stand twice, removed other documents.
test("a cleanup rule on a time series is refused, with what to do instead", async () => {
  const { connection } = database;
  const readings = connection.model(
    "Reading",
    new Schema({ at: Date, sensor: String }, { timeseries: { timeField: "at", metaField: "sensor" } }),
  );
  await readings.createCollection();
  const cleanup = [{ name: "old", collection: readings.collection.name, field: "at", retentionSeconds: 5 }];
  const optimizer = new DatabaseOptimizer(connection, { models: [readings], cleanup });
  const wish = { now: new Date(), allowCollectionScan: true };
  await expect(optimizer.cleanup(wish)).rejects.toMatchObject({
    code: "INVALID_RULE",
    message:
      'Cleanup rule "old" is on readings, which is a time series, whose documents have no unique _id: let them expire, by expireAfterSeconds in the options of its schema',
  });
});

test("advice on what is no collection says so", async () => {
  const { connection } = database;
  const orders = connection.model("Order", new Schema({ at: Date }));
  await orders.create({ at: new Date() });
  await connection.createCollection("old_orders", { viewOn: "orders", pipeline: [] });
  const queries = ["old_orders", "not_yet"].map((collection) => ({
    name: collection,
    collection,
    filter: { a: 1 },
  }));
  const { rejections } = await new DatabaseOptimizer(connection, { models: [orders], queries }).advise();
  expect(Object.fromEntries(rejections.map(({ query, evidence }) => [query, evidence]))).toEqual({
    old_orders: "it reads a view: name the collection that the view reads",
    not_yet: "its collection does not exist",
  });
});

test.each<[string, unknown, string]>([
  ["a function", function orders() {}, "Not a Mongoose model: the function orders"],
  ["a text", "x".repeat(1_000), `Not a Mongoose model: ${JSON.stringify("x".repeat(40))}`],
  [
    "a model whose collection Mongoose cannot find",
    { modelName: "Cons", schema: new Schema({}), collection: Object },
    "Model Cons has no collection: Mongoose cannot handle the name of its collection",
  ],
])("%s is no model, in one line", (_what, value, message) => {
  expect(() => assertModel(value)).toThrow(message);
});
