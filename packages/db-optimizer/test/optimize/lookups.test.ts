import { needs, useTemporaryDatabase } from "@org/dev-kit/vitest";
import { Schema } from "mongoose";
import { expect, test } from "vitest";
import { checkHealth } from "../../src/index.js";
import { joinsOf } from "../../src/queries/pipeline.js";
import { analysePerformance } from "../../src/workload/analysis.js";
import { lookupsOf } from "../../src/workload/lookups.js";

const database = useTemporaryDatabase({ label: "lookups" });
const lookup = (from: string, foreignField: string) => ({
  $lookup: { from, localField: "x", foreignField, as: from },
});

test.each<[what: string, pipeline: unknown, joins: object[]]>([
  ["none", [{ $match: { a: 1 } }], []],
  ["no pipeline", undefined, []],
  ["one", [lookup("b", "k")], [{ from: "b", foreignField: "k" }]],
  ["one by a pipeline", [{ $lookup: { from: "b", pipeline: [], as: "b" } }], [{ from: "b" }]],
  [
    "one inside another",
    [{ $lookup: { from: "b", pipeline: [lookup("c", "k")], as: "b" } }],
    [{ from: "b" }, { from: "c", foreignField: "k" }],
  ],
  [
    "one that walks a graph",
    [{ $graphLookup: { from: "b", connectToField: "k" } }],
    [{ from: "b", foreignField: "k" }],
  ],
  ["some in facets", [{ $facet: { p: [lookup("b", "k")], q: [] } }], [{ from: "b", foreignField: "k" }]],
  [
    "one of a union",
    [{ $unionWith: { coll: "c", pipeline: [lookup("b", "k")] } }],
    [{ from: "b", foreignField: "k" }],
  ],
])("joins of a pipeline: %s", (_what, pipeline, joins) => {
  expect(joinsOf(pipeline)).toEqual(joins);
});

test("adds the recorded aggregations up by collection, the costliest first", () => {
  const entry = (ns: string, pipeline: object[], millis: number) => ({
    ns,
    command: { aggregate: "x", pipeline },
    millis,
    ts: new Date(millis),
  });
  expect(
    lookupsOf([
      entry("shop.a", [lookup("b", "k")], 2),
      entry("shop.a", [], 90),
      entry("shop.a", [lookup("b", "k"), lookup("c", "k")], 1),
      entry("shop.with.dots", [lookup("b", "k")], 7),
    ]),
  ).toEqual([
    expect.objectContaining({ collection: "with.dots", operations: 1, aggregations: 1, mostJoins: 1 }),
    {
      collection: "a",
      operations: 2,
      aggregations: 3,
      totalMillis: 3,
      mostJoins: 2,
      joins: [
        { from: "b", foreignField: "k" },
        { from: "c", foreignField: "k" },
      ],
      since: new Date(1),
    },
  ]);
});

needs("profiler")(
  "health and optimize find the joins that a server recorded, and name the index that one wants",
  async () => {
    const { connection } = database;
    const models = ["orders", "customers"].map((name) =>
      connection.model(name, new Schema({}, { collection: name, autoIndex: false })),
    );
    await connection.collection("orders").insertOne({ x: 1 });
    await connection.collection("customers").insertOne({ number: 1 });
    await connection.db?.command({ profile: 2, slowms: 0 });
    for (let times = 0; times < 3; times++)
      await connection
        .collection("orders")
        .aggregate([lookup("customers", "number")])
        .toArray();
    await connection.db?.command({ profile: 0 });
    const { findings } = await checkHealth(connection, models, {
      now: new Date(),
      thresholds: { lookupOperations: 3 },
    });
    expect(findings.filter(({ code }) => code.startsWith("LOOKUP"))).toEqual([
      expect.objectContaining({
        code: "LOOKUPS_FREQUENT",
        part: "schema",
        evidence: expect.stringMatching(
          /^3 of 3 aggregations recorded since .* join customers: at most 1 in one/,
        ),
      }),
      expect.objectContaining({
        code: "LOOKUP_UNINDEXED",
        command: "db.customers.createIndex({ number: 1 })",
      }),
    ]);
    const optimized = await analysePerformance(connection, models, []);
    const ofHealth = findings.filter(({ code }) => code === "LOOKUP_UNINDEXED");
    expect(optimized.findings.filter(({ code }) => code.startsWith("LOOKUP"))).toEqual(ofHealth);
    await connection.collection("customers").createIndex({ number: 1 });
    const served = await analysePerformance(connection, models, []);
    expect(served.findings.filter(({ code }) => code.startsWith("LOOKUP"))).toEqual([]);
  },
);
