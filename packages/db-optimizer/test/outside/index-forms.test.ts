// OpenHIM's models: `TransactionSchema.index('request.timestamp')`, `ChannelSchema.index('name', { unique: true })`. Mongoose
// passes on what schema.index() is given, and the driver takes a path, a pair, a Map, or a list of them as well as an object.
// Right: the index that Mongoose builds is the one that is declared. In a subdocument Mongoose makes of each letter a
// field, which no server builds: the reason says what to write.
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { mongo, Schema } from "mongoose";
import { expect, test } from "vitest";
import { declaredIndexes } from "../../src/indexes/declared.js";
import { initialize, planSetup } from "../../src/setup/initialize.js";

const database = useTemporaryDatabase({ label: "index_forms", per: "test" });
const off = { autoCreate: false, autoIndex: false } as const;

test.each<[string, unknown, object]>([
  ["a path", "request.timestamp", { "request.timestamp": 1 }],
  ["a list of paths", ["a", "b"], { a: 1, b: 1 }],
  ["a pair", ["a", -1], { a: -1 }],
  ["a pair of a path and a kind", ["at", "2dsphere"], { at: "2dsphere" }],
  [
    "a list of pairs",
    [
      ["b", 1],
      ["a", -1],
    ],
    { b: 1, a: -1 },
  ],
  ["a Map", new Map([["a", -1]]), { a: -1 }],
  ["a list of objects and paths", [{ a: 1 }, "b"], { a: 1, b: 1 }],
])("%s declares the index that Mongoose builds of it", async (_form, form, key) => {
  const schema = new Schema({ a: Number }, { collection: "forms", ...off });
  schema.index(form as never, { background: true });
  const model = database.connection.model("Form", schema);
  await model.createIndexes();
  const built = await model.collection.indexes();
  expect(built.map((index) => index.key)).toEqual([{ _id: 1 }, key]);
  const { indexes, faults } = declaredIndexes([model]);
  expect(faults).toEqual([]);
  expect(indexes.map(({ name }) => name)).toEqual([built[1]?.name]);
  expect((await planSetup(database.connection, [model])).indexes.steps).toEqual([]);
});

test.each<[string, unknown]>([
  ["a path", "name"],
  ["a list", ["a", "b"]],
  ["pairs", [["a", 1]]],
])("%s in a subdocument is no index: the reason says what to write", (_form, form) => {
  const inner = new Schema({ name: String });
  inner.index(form as never);
  const model = database.connection.model("Outer", new Schema({ inner }, off));
  const { faults } = declaredIndexes([model]);
  expect(faults.map(({ message }) => message)).toEqual([
    expect.stringMatching(
      /^Model Outer \(outers\), index on inner\.0.*: Mongoose takes apart .*write \{ field: 1 \}$/,
    ),
  ]);
});

// mongodump's metadata.json is canonical Extended JSON: read exactly, its numbers are objects of the driver's classes.
test("numbers as a dump's metadata has them are numbers", async () => {
  const exact = (json: string): unknown => mongo.BSON.EJSON.parse(json, { relaxed: false });
  const schema = new Schema({ a: Number, b: Number, at: Date }, { collection: "dumped", ...off });
  const unique = exact('{ "unique": { "$numberInt": "1" }, "sparse": { "$numberDouble": "0.0" } }');
  schema.index(
    exact('{ "a": { "$numberInt": "1" }, "b": { "$numberDouble": "-1.0" } }') as never,
    unique as never,
  );
  const expiring = exact('{ "expireAfterSeconds": { "$numberLong": "3600" } }');
  schema.index(exact('{ "at": { "$numberLong": "1" } }') as never, expiring as never);
  const model = database.connection.model("Dumped", schema);
  const { indexes, faults } = declaredIndexes([model]);
  expect(faults).toEqual([]);
  expect(indexes).toMatchObject([
    { name: "a_1_b_-1", unique: true, sparse: false },
    { name: "at_1", expireAfterSeconds: 3_600 },
  ]);
  await initialize(database.connection, [model], {});
  expect((await planSetup(database.connection, [model])).indexes.steps).toEqual([]);
});
