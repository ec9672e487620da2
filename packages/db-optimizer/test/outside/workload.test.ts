// Source: public reports on index advisers and on this project's own first users: two commands that answer one question in two
// ways, an adviser that indexes the whole array for `$elemMatch`, a health check that reports itself. Right: one answer, keys of
// the array's fields, and own work told from the user's.
import { needs, useTemporaryDatabase } from "@org/dev-kit/vitest";
import { Schema } from "mongoose";
import { expect, test } from "vitest";
import { findingSchema } from "../../src/core/finding.js";
import type { Document, ModelLike } from "../../src/core/model.js";
import { readPlan } from "../../src/indexes/plan/read-plan.js";
import { fieldsOf } from "../../src/queries/shape.js";
import { groupByShape, recordedShapes } from "../../src/queries/slow.js";
import { sampleSchemas } from "../../src/setup/sample-schema.js";
import { storageReport } from "../../src/storage/report.js";
import { candidateIndex } from "../../src/workload/advice.js";
import { adviseIndexes, analysePerformance } from "../../src/workload/analysis.js";
import { queryFields } from "../../src/workload/candidates.js";
import { intercepted } from "../support.js";

const database = useTemporaryDatabase({ label: "workload", per: "test" });

// https://www.mongodb.com/docs/manual/core/indexes/index-types/index-multikey/multikey-index-bounds/
test.each([
  [
    "two fields of one item",
    { items: { $elemMatch: { sku: "a", qty: { $gt: 1 } } } },
    ["items.sku"],
    ["items.qty"],
  ],
  ["beside another field", { tenant: 1, items: { $elemMatch: { sku: "a" } } }, ["tenant", "items.sku"], []],
  ["an item in an item", { a: { $elemMatch: { b: { $elemMatch: { c: 1 } } } } }, ["a.b.c"], []],
  ["with $and in it", { a: { $elemMatch: { $and: [{ b: 1 }, { c: { $lt: 2 } }] } } }, ["a.b"], ["a.c"]],
  ["an item as a whole", { scores: { $elemMatch: { $gte: 80, $lt: 85 } } }, [], ["scores"]],
])("an $elemMatch is served by the fields of the items: %s", (_what, filter, equality, range) => {
  expect(fieldsOf(filter)).toEqual({ equality, range });
  expect(Object.keys(candidateIndex(filter) ?? {})).toEqual([...equality, ...range]);
  expect(queryFields({ find: "x", filter }, { sort: {} })).toEqual({ equality, range, sort: {} });
});

test.each([
  ["a small collection", 100, 1],
  ["a filter that all documents match", 2_000, 2_000],
  ["one that few match", 2_000, 2],
])("optimize and advise give one answer: %s", async (_what, count, matching) => {
  const { connection } = database;
  const things = Array.from({ length: count }, (_, at) => ({
    kind: at < matching ? "rare" : `k${at % 50}`,
    n: at,
  }));
  await connection.collection("things").insertMany(things);
  const models = [
    connection.model("Thing", new Schema({ kind: String }, { collection: "things" })),
  ] as unknown as ModelLike[];
  const queries = [{ name: "rare", collection: "things", filter: { kind: "rare" } }];
  const { advice } = await adviseIndexes(connection, models, { queries });
  const optimized = await analysePerformance(connection, models, queries, { rounds: 1 });
  const proposed = optimized.findings.filter(({ code }) => code === "INDEX_WANTED");
  expect(proposed.map(({ command }) => command)).toEqual(
    advice.map(
      ({ keys }) =>
        `db.things.createIndex({ ${keys.map(({ field, kind }) => `${field}: ${kind}`).join(", ")} })`,
    ),
  );
});

test("optimize proposes no index that is there and hidden", async () => {
  const { connection } = database;
  const things = Array.from({ length: 2_000 }, (_, at) => ({ kind: `k${at}` }));
  await connection.collection("things").insertMany(things);
  await connection.collection("things").createIndex({ kind: 1, at: 1 }, { hidden: true });
  const models = [
    connection.model("Thing", new Schema({ kind: String }, { collection: "things" })),
  ] as unknown as ModelLike[];
  const queries = [{ name: "one", collection: "things", filter: { kind: "k5" } }];
  const { findings } = await analysePerformance(connection, models, queries, { rounds: 1 });
  expect(findings).toMatchObject([
    { code: "PLAN_REVIEW", message: expect.stringMatching(/kind_1_at_1 .*hidden/) },
  ]);
});

// A shape that is both named and recorded as slow was explained twice, which runs the slow query twice more.
needs("profiler")(
  "a shape that two names share is explained once; a query that fails keeps no other from its answer",
  async () => {
    const { connection } = database;
    const db = connection.db!;
    await db.collection("things").insertMany(Array.from({ length: 50 }, (_, n) => ({ kind: `k${n}`, n })));
    await db.command({ profile: 2, slowms: 0 });
    await db.collection("things").find({ kind: "k5" }).toArray();
    await db.collection("things").find({ n: 7 }).toArray();
    await db.command({ profile: 0 });
    const explained: Document[] = [];
    const counting = intercepted(connection, ({ explain }) => {
      if (explain) explained.push((explain as { filter: Document }).filter);
    });
    const queries = [
      { name: "broken", collection: "things", filter: { $nonsense: 1 } },
      { name: "byKind", collection: "things", filter: { kind: "k1" } },
    ];
    const options = { rounds: 1, thresholds: { slowOperationMs: 0 } };
    const report = await analysePerformance(counting, [], queries, options);
    expect(explained.map((filter) => Object.keys(filter)[0]).sort()).toEqual(["$nonsense", "kind", "n"]);
    expect(report.queries).toMatchObject([{ query: { name: "byKind" } }]);
    expect(report.findings).toContainEqual(
      expect.objectContaining({ code: "QUERY_FAILED", subject: "broken", severity: "warning" }),
    );
    for (const finding of report.findings) expect(findingSchema.parse(finding)).toEqual(finding);
    expect(report.workload).toContainEqual(expect.objectContaining({ name: "byKind", executions: 1 }));
    expect(report).toMatchObject({ advice: [], rejections: [], removedLeftovers: [] });
  },
);

needs("profiler")("what this package reads itself is no slow operation of the user's", async () => {
  const { connection } = database;
  const db = connection.db!;
  await db.collection("things").insertMany([{ a: 1 }, { a: 2 }]);
  await db.command({ profile: 2, slowms: 0 });
  const schema = { bsonType: "object" };
  await sampleSchemas(db, [{ collection: "things", models: [], options: {}, create: true, schema }], 10);
  await storageReport(connection);
  await db.collection("things").find({ a: 1 }).toArray();
  await db.command({ profile: 0 });
  const recorded = await recordedShapes(connection, 0);
  const operations = recorded.known
    ? recorded.shapes.map(({ shape }) => `${shape.operation} ${shape.collection}`)
    : [];
  expect(operations).toEqual(["find things"]);
});

test("shapes with BigInt values are shapes", () => {
  const entry = {
    op: "query",
    ns: "x.things",
    millis: 5,
    ts: new Date(0),
    command: { find: "things", filter: { a: { $gt: 5n }, b: 7n } },
  };
  expect(groupByShape([entry])).toMatchObject([{ shape: { filter: { a: { $gt: "?" }, b: "?" } } }]);
});

test("a name that two indexes have is refused with both", async () => {
  const { connection } = database;
  await connection.collection("a").createIndex({ z: 1 }, { name: "b.c_1" });
  await connection.collection("a.b").createIndex({ c: 1 });
  const models = ["a", "a.b"].map((collection, at) =>
    connection.model(`M${at}`, new Schema({}, { collection })),
  ) as unknown as ModelLike[];
  await expect(readPlan(connection, models, { drop: ["a.b.c_1"] })).rejects.toMatchObject({
    code: "INVALID_OPTIONS",
    message: expect.stringMatching(/"b\.c_1" of "a" and "c_1" of "a\.b"/),
  });
});

test("storage has time series in it", async () => {
  const { connection } = database;
  await connection.db!.createCollection("checks", { timeseries: { timeField: "ts" } });
  await connection.collection("checks").insertOne({ ts: new Date() });
  await connection.collection("plain").insertOne({ a: 1 });
  const { collections, leftOut } = await storageReport(connection);
  const named = [
    ...collections.map(({ collection }) => collection),
    ...leftOut.map(({ collection }) => collection),
  ];
  expect(named.sort()).toEqual(["checks", "plain"]);
});
