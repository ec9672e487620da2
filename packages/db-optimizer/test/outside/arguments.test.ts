// Arguments that are no connection or no models: a variable that is unset, Mongoose itself, one model. Right: a
// code and what is needed, at the constructor or, of a function, before anything is sent.
import mongoose from "mongoose";
import { expect, test } from "vitest";
import { DatabaseInitializer, DatabaseOptimizer } from "../../src/index.js";
import { inspectIndexes } from "../../src/indexes/index.js";

const aConnection =
  "Needs a connection of Mongoose, such as mongoose.connection, or mongoose.createConnection(uri)";

test.each<[string, unknown]>([
  ["nothing", undefined],
  ["null", null],
  ["an object", {}],
  ["a connection string", "mongodb://127.0.0.1:27017/shop"],
  ["Mongoose itself", mongoose],
  ["a promise of one", Promise.resolve()],
])("%s is no connection", async (_what, given) => {
  const refused = expect.objectContaining({ code: "INVALID_OPTIONS", message: aConnection });
  expect(() => new DatabaseOptimizer(given as never, { models: [] })).toThrow(refused);
  expect(() => new DatabaseInitializer(given as never, [])).toThrow(refused);
  await expect(inspectIndexes(given as never, ["orders"])).rejects.toEqual(refused);
});

test.each<[string, unknown]>([
  ["nothing", undefined],
  ["one model", mongoose.createConnection().model("Order", new mongoose.Schema({}))],
  ["a map of models", {}],
])("%s is no list of models", (_what, models) => {
  const connection = mongoose.createConnection();
  const refused = expect.objectContaining({
    code: "INVALID_OPTIONS",
    message: "models must be a list of Mongoose models",
  });
  expect(() => new DatabaseOptimizer(connection, { models } as never)).toThrow(refused);
  expect(() => new DatabaseInitializer(connection, models as never)).toThrow(refused);
  expect(() => new DatabaseOptimizer(connection, undefined as never)).toThrow(refused);
});

test("a connection that is not open says how to wait for it", async () => {
  const optimizer = new DatabaseOptimizer(mongoose.createConnection(), { models: [] });
  await expect(optimizer.inspect()).rejects.toMatchObject({
    code: "INVALID_OPTIONS",
    message: "The connection is not open: wait for it with await connection.asPromise()",
  });
});
