// Source: schemas of public projects: `{ unique: 1 }`, `expireAfterSeconds: process.env.X` (rest-hapi #205, the manual on NaN),
// erxes' fields that are declared twice, models of views and of other databases (Mongoose's guides), values no server can index.
// Right: read as the server reads it, or told with model, path and option; the rest goes on; never a bare failure.
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import fc from "fast-check";
import mongoose, { mongo, Schema } from "mongoose";
import { expect, test } from "vitest";
import type { ModelLike } from "../../src/core/model.js";
import { checkHealth } from "../../src/health/health.js";
import { declaredIndexes, expectedIndexes } from "../../src/indexes/declared.js";
import { canonicalIndex, isTrue } from "../../src/indexes/spec.js";
import { DatabaseOptimizer } from "../../src/optimizer.js";
import { initialize, planSetup } from "../../src/setup/initialize.js";
import { readShardPlan } from "../../src/sharding/read.js";
import { analysePerformance } from "../../src/workload/analysis.js";

const database = useTemporaryDatabase({ label: "declarations", per: "test" });

let models = 0;
function model(
  index: readonly [object, object?][],
  options: object = {},
  connection = mongoose.createConnection(),
): ModelLike {
  models += 1;
  const schema = new Schema({ a: Date, b: String }, { collection: `c${models}`, ...options } as never);
  for (const [key, of] of index) schema.index(key as never, of as never);
  return connection.model(`Odd${models}`, schema) as unknown as ModelLike;
}

// https://github.com/mongodb/mongo/blob/master/src/mongo/bson/bsonelement.h trueValue()
test.each([
  [1, true],
  [0, false],
  [-1, true],
  [Number.NaN, true],
  [true, true],
  [false, false],
  [null, false],
  [undefined, false],
  ["", true],
  ["false", true],
  [{}, true],
  [new mongo.Long(0), false],
  [new mongo.Int32(1), true],
  [0n, false],
])("the server takes %s for %s", (value, expected) => {
  expect(isTrue(value)).toBe(expected);
  expect(canonicalIndex("c", { a: 1 }, { unique: value, sparse: value })).toMatchObject({
    unique: expected,
    sparse: expected,
  });
});

test.each([["3600"], [null], [Number.NaN], [-1], [Number.POSITIVE_INFINITY], [2 ** 31], [true], [[5]], [{}]])(
  "an expiry of %j is an error that names model and path, before anything is sent",
  async (value) => {
    const odd = model([[{ a: 1 }, { expireAfterSeconds: value }]], {}, database.connection);
    const fine = model([[{ b: 1 }]], {}, database.connection);
    const error = {
      code: "INVALID_MODEL",
      message: expect.stringMatching(/^Model Odd\d+ \(c\d+\), index on a: expireAfterSeconds is /),
    };
    await expect(new DatabaseOptimizer(database.connection, { models: [odd] }).plan()).rejects.toMatchObject(
      error,
    );
    expect((await planSetup(database.connection, [odd, fine])).faults).toMatchObject([error]);
    await expect(initialize(database.connection, [odd, fine])).rejects.toMatchObject(error);
    expect(await database.connection.db!.listCollections().toArray()).toEqual([]);
  },
);

test.each([
  [0.5, 0],
  [59.9, 59],
])("an expiry of %d s counts as %d s, and is told so once", async (given, seconds) => {
  const odd = model([[{ a: 1 }, { expireAfterSeconds: given }]], {}, database.connection);
  const { notes, indexes } = await planSetup(database.connection, [odd]);
  expect(indexes.steps[0]).toMatchObject({ expected: { expireAfterSeconds: seconds } });
  expect(notes).toMatchObject([{ index: "a_1", message: expect.stringContaining("whole seconds") }]);
  await initialize(database.connection, [odd], { allowExpiry: true });
  expect((await planSetup(database.connection, [odd])).indexes.steps).toEqual([]);
});

test.each<[string, [object, object?], RegExp]>([
  ["a compound TTL", [{ a: 1, b: 1 }, { expireAfterSeconds: 5 }], /single field/],
  ["unique as a text", [{ a: 1 }, { unique: "yes" }], /unique is the text "yes"/],
  ["a filter with $ne", [{ a: 1 }, { partialFilterExpression: { b: { $ne: null } } }], /\$ne/],
  [
    "a filter without a field",
    [{ a: 1 }, { partialFilterExpression: { b: { $exists: false } } }],
    /\$exists: false/,
  ],
  [
    "sparse and partial",
    [{ a: 1 }, { sparse: true, partialFilterExpression: { b: "x" } }],
    /exclude each other/,
  ],
  [
    "a date for a filter",
    [{ a: 1 }, { partialFilterExpression: new Date(0) }],
    /partialFilterExpression is .*must be an object/,
  ],
  ["a hashed unique one", [{ a: "hashed" }, { unique: true }], /hashed/],
  ["no direction", [{ a: 0 }], /a has 0/],
  ["an unknown kind", [{ a: "fulltext" }], /"fulltext"/],
  ["an empty name", [{ a: 1 }, { name: "" }], /name/],
  ["a collation without a locale", [{ a: 1 }, { collation: { strength: 2 } }], /locale/],
])("what no server builds is told with its reason: %s", (_what, index, reason) => {
  const { faults, indexes, contested } = declaredIndexes([model([index, [{ b: -1 }]])]);
  expect(faults).toMatchObject([{ code: "INVALID_MODEL", message: expect.stringMatching(reason) }]);
  expect(faults[0]?.message).toMatch(/^Model Odd\d+ /);
  expect(indexes.map(({ name }) => name)).toEqual(["b_-1"]);
  expect(contested.length).toBeLessThanOrEqual(1);
});

test.each<[string, [object, object?][], RegExp]>([
  ["unique and not", [[{ a: 1 }], [{ a: 1 }, { unique: true }]], /unique \(false against true\)\. Keep one/],
  [
    "two expiries",
    [
      [{ a: 1 }, { expireAfterSeconds: 5 }],
      [{ a: 1 }, { expireAfterSeconds: 9 }],
    ],
    /expireAfterSeconds \(5 against 9\)/,
  ],
  [
    "a name for two keys",
    [
      [{ a: 1 }, { name: "x" }],
      [{ b: 1 }, { name: "x" }],
    ],
    /index on a, b.*keys.*\. Give each a name of its own/,
  ],
  [
    "one key under two filters",
    [
      [{ a: 1 }, { unique: true, partialFilterExpression: { kind: "x" } }],
      [{ a: 1 }, { unique: true, partialFilterExpression: { kind: "y" } }],
    ],
    /partialFilterExpression \(.*\. Give each a name of its own/,
  ],
  [
    "one key in two collations",
    [[{ a: 1 }], [{ a: 1 }, { collation: { locale: "de", strength: 2 } }]],
    /collation \(.*\. Give each a name of its own/,
  ],
  [
    "two names",
    [
      [{ a: 1 }, { name: "x" }],
      [{ a: 1 }, { name: "y" }],
    ],
    /"x" and "y".*name/,
  ],
  ["two text indexes", [[{ a: "text" }], [{ b: "text" }]], /a collection has one/],
])("a contradiction names model, path and option: %s", (_what, indexes, reason) => {
  const { faults, indexes: left } = declaredIndexes([model([...indexes, [{ c: 1 }]])]);
  expect(faults).toMatchObject([{ code: "MODELS_CONFLICT", message: expect.stringMatching(reason) }]);
  expect(left.map(({ name }) => name)).toEqual(["c_1"]);
});

test("all contradictions come at once, the rest is set up, and reading commands go on", async () => {
  const { connection } = database;
  const twice = (options: object): [object, object?][] => [[{ a: 1 }], [{ a: 1 }, options]];
  const all = [
    model(twice({ unique: true }), {}, connection),
    model(twice({ expireAfterSeconds: 60 }), {}, connection),
    model([[{ b: 1 }]], {}, connection),
  ];
  expect(() => expectedIndexes(all)).toThrow(/2 declarations need a change/);
  await connection.collection(all[0]!.collection.collectionName).createIndex({ a: 1 });
  const result = await initialize(connection, all);
  expect(result.failures.map(({ code }) => code)).toEqual(["MODELS_CONFLICT", "MODELS_CONFLICT"]);
  expect(await connection.collection(all[2]!.collection.collectionName).indexes()).toHaveLength(2);
  const { drift } = await planSetup(connection, all);
  // It may be the one that is meant.
  expect(drift.extra).toEqual([]);
  const health = await checkHealth(connection, all, { now: new Date() });
  expect(health.findings.filter(({ code }) => code === "DECLARATION_FAULT")).toHaveLength(2);
  await expect(analysePerformance(connection, all, [])).resolves.toMatchObject({ queries: [] });
  await expect(readShardPlan(connection, all)).resolves.toBeDefined();
});

test("a model of another database is refused by what writes, and left out by what reads", async () => {
  const { connection } = database;
  const foreign = model([[{ a: 1 }]], {}, connection.useDb(`${connection.name}_other`));
  await expect(initialize(connection, [foreign])).rejects.toMatchObject({
    code: "INVALID_MODEL",
    message: expect.stringContaining(`${connection.name}_other`),
  });
  expect(await connection.db!.listCollections().toArray()).toEqual([]);
  const health = await checkHealth(connection, [foreign], { now: new Date() });
  expect(health.findings.map(({ code }) => code)).toContain("DECLARATION_FAULT");
});

test("views and collections that others create are left alone, and told", async () => {
  const { connection } = database;
  await connection.collection("people").insertOne({ a: 1 });
  await connection.db!.command({ create: "seen", viewOn: "people", pipeline: [] });
  const view = model([[{ a: 1 }]], { collection: "seen" }, connection);
  const later = model([], { collection: "later", autoCreate: false }, connection);
  const result = await initialize(connection, [view, later]);
  expect(result).toMatchObject({ ready: true, changed: false, failures: [] });
  expect(result.notes.map(({ collection }) => collection).sort()).toEqual(["later", "seen", "seen"]);
  expect((await connection.db!.listCollections({ name: "later" }).toArray()).length).toBe(0);
});

test("nothing that a schema may hold makes a plan fall over", async () => {
  const odd = fc.oneof(
    fc.constantFrom<unknown>(
      null,
      undefined,
      Number.NaN,
      0,
      -0,
      1n,
      "",
      "x",
      "text",
      "2dsphere",
      true,
      [],
      {},
      new Date(Number.NaN),
      /x/,
    ),
    fc.constantFrom<unknown>(
      Symbol("x"),
      () => 1,
      new mongo.Long(1),
      new mongo.Decimal128("1"),
      new Map([["a", 1]]),
      { $gt: 5n },
    ),
    fc.anything({ maxDepth: 2 }),
  );
  const key = fc.dictionary(
    fc.constantFrom("a", "b.c", "$**", "a.$**", "", "$x", ".", "a..b", "_id", "constructor"),
    odd,
    { maxKeys: 3 },
  );
  const names = [
    "unique",
    "sparse",
    "expireAfterSeconds",
    "name",
    "collation",
    "weights",
    "hidden",
    "partialFilterExpression",
    "wildcardProjection",
    "default_language",
    "bits",
    "background",
    "v",
  ];
  const options = fc.dictionary(fc.constantFrom(...names), odd, { maxKeys: 4 });
  const bare: ModelLike = {
    modelName: "Fuzzed",
    collection: { collectionName: "fuzzed" },
    schema: { options: {}, paths: {}, indexes: () => [] },
  };
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(key, options), { maxLength: 4 }), async (indexes) => {
      const fuzzed = { ...bare, schema: { ...bare.schema, indexes: () => indexes } } as ModelLike;
      const { faults } = declaredIndexes([fuzzed]);
      expect(faults.every(({ message }) => message.includes("Fuzzed"))).toBe(true);
      await planSetup(database.connection, [fuzzed]);
    }),
    { numRuns: 300, seed: Number(process.env.TEST_SEED ?? 11) },
  );
});

// Source: ToolJet#13479, a schema with both; the manual's limits of time series and of clustered collections.
// Right: told before anything is sent, and no plain collection in its place; the other models go on.
const kinds = {
  capped: { capped: { size: 4_096 } },
  clustered: { clusteredIndex: { key: { _id: 1 } } },
  series: { timeseries: { timeField: "a" } },
};
test.each([
  [{ ...kinds.capped, ...kinds.series }, "capped and a time series (capped, timeseries)"],
  [{ ...kinds.capped, ...kinds.clustered }, "capped and clustered (capped, clusteredIndex)"],
  [{ ...kinds.clustered, ...kinds.series }, "clustered and a time series (clusteredIndex, timeseries)"],
  [{ ...kinds.series, collectionOptions: { validator: { b: "x" } } }, "a time series with a validator"],
])("a collection of two kinds is a fault, and not made: %j", async (options, told) => {
  const odd = model([[{ b: 1 }]], options, database.connection);
  const fine = model([[{ b: 1 }]], {}, database.connection);
  const plan = await planSetup(database.connection, [odd, fine], "warn");
  const messages = plan.faults.map(({ message }) => message);
  expect(messages).toEqual([expect.stringContaining(`is declared as ${told}`)]);
  expect(plan.collections.map(({ collection }) => collection)).toEqual([fine.collection.collectionName]);
  // Nor does its index make one: see made-by-an-index.test.ts.
});
