// Public reports: monitoring tools that show nothing of a database once one figure is refused to their user. What
// MongoDB grants is in https://www.mongodb.com/docs/manual/reference/built-in-roles/: `read`, `readWrite`, `dbAdmin` and
// `dbOwner` list indexes and have no `indexStats`, which `clusterMonitor` has; that one has sizes and no `find`; `config`
// is read by `clusterMonitor` and `clusterManager`; privileges of a role that you define are of single collections.
import { type Play, playInFront } from "@org/dev-kit/played";
import { needs, useTemporaryDatabase } from "@org/dev-kit/vitest";
import { type Connection, createConnection, mongo, Schema } from "mongoose";
import { expect, inject, onTestFinished, test } from "vitest";
import { checkHealth, DatabaseOptimizer, storageReport } from "../../src/index.js";
import { readIndexUse } from "../../src/indexes/observe/member-use.js";

const database = useTemporaryDatabase({ label: "refused" });
const now = new Date("2096-06-01T00:00:00Z");

type Document = mongo.Document;

const refusal = (code: number, errmsg: string) => ({ ok: 0, errmsg, code: new mongo.Int32(code) });
const unauthorized = () => refusal(13, "not authorized on shop to execute command { ... }");
const stageOf = ({ pipeline = [] }: Document) => Object.keys(pipeline[0] ?? {})[0];

/** A connection to the test's database by a server that plays so. */
async function connectionBy(play: Play): Promise<Connection> {
  const front = await playInFront(inject("engine").uri, play);
  const connection = await createConnection(front.uri, { dbName: database.name }).asPromise();
  onTestFinished(async () => {
    await connection.close();
    await front.stop();
  });
  return connection;
}

function modelsOf(connection: Connection) {
  const order = new Schema({ customer: Number, placedAt: Date }, { collection: "orders", autoIndex: false });
  order.index({ customer: 1 });
  order.index({ placedAt: 1 });
  const customer = new Schema({ email: String }, { collection: "customers", autoIndex: false });
  return [connection.model("Order", order), connection.model("Customer", customer)];
}

const queries = [
  { name: "ordersOf", collection: "orders", filter: { customer: 1 } },
  { name: "customerBy", collection: "customers", filter: { email: "a" } },
];

async function seed(): Promise<void> {
  const { connection } = database;
  await connection.dropDatabase();
  await connection.collection("orders").insertMany([{ customer: 1 }, { customer: 2 }] as never);
  await connection.collection("customers").insertMany([{ email: "a" }] as never);
  await connection.collection("orders").createIndex({ customer: 1 });
  await connection.collection("orders").createIndex({ own: 1 });
  await connection.collection("orders").createIndex({ own: 1, more: 1 });
}

async function healthBy(play: Play) {
  await seed();
  const connection = await connectionBy(play);
  const report = await checkHealth(connection, modelsOf(connection), { now, queries });
  const texts = (code: string) =>
    report.findings.filter((finding) => finding.code === code).map(({ message }) => message);
  return { ...report, texts };
}

const refusingStage = (stage: string, on: (collection: unknown) => boolean = () => true): Play => ({
  aggregate: {
    answer: (command) => (stageOf(command) === stage && on(command.aggregate) ? unauthorized() : undefined),
  },
});

test("a user without $indexStats sees missing and redundant indexes; none is called unused", async () => {
  const { texts, findings, facts, undecided } = await healthBy(refusingStage("$indexStats"));
  expect(texts("INDEX_MISSING")).toEqual(["Index placedAt_1 of orders is declared and missing"]);
  expect(texts("INDEX_REDUNDANT")).toEqual(["Index own_1 of orders is covered by own_1_more_1"]);
  expect(texts("INDEX_UNUSED")).toEqual([]);
  const verdicts = facts.indexes.known ? facts.indexes.value.use.map(({ verdict }) => verdict) : [];
  expect(verdicts).toEqual(["unknown", "unknown", "unknown"]);
  expect(undecided).toBe(true);
  const unknown = findings.filter(({ part, code }) => part === "indexes" && code === "UNKNOWN");
  expect(unknown).toMatchObject([
    {
      message: "Part of indexes could not be checked: use of indexes",
      evidence: expect.stringMatching(
        /: this user may not read \$indexStats; grant it the role clusterMonitor$/,
      ),
    },
  ]);
});

needs("indexStats")("counters that are refused for one collection are reported for the others", async () => {
  await seed();
  await database.connection.collection("customers").createIndex({ email: 1 });
  const connection = await connectionBy(refusingStage("$indexStats", (name) => name === "orders"));
  const { use, silent } = await readIndexUse(connection, ["orders", "customers"]);
  expect([...use.keys()]).toContain("customers.email_1");
  expect(silent).toMatchObject([{ collections: ["orders"] }]);
});

test("where the connection is strict about the API version, no privilege would tell more", async () => {
  await seed();
  const strict = refusal(323, "stage $indexStats is not allowed with apiStrict: true in API Version 1");
  const connection = await connectionBy({
    aggregate: { answer: (command) => (stageOf(command) === "$indexStats" ? strict : undefined) },
  });
  expect((await readIndexUse(connection, ["orders"])).silent).toMatchObject([{ unsupported: true }]);
});

test("sizes that are refused of one collection hide no other's, nor its growth", async () => {
  const { facts, texts } = await healthBy(refusingStage("$collStats", (name) => name === "orders"));
  expect(facts.collections).toMatchObject({
    known: true,
    value: [{ collection: "customers", documents: 1 }],
  });
  expect(facts.deep.growth).toMatchObject({ known: true, value: [{ collection: "customers" }] });
  expect(texts("UNKNOWN")).toEqual(
    expect.arrayContaining([
      "Part of storage could not be checked: size of orders",
      "Part of storage could not be checked: growth of orders",
    ]),
  );
});

test("a collection that may not be read hides no sample and no query of another", async () => {
  const { facts, texts } = await healthBy({
    ...refusingStage("$sample", (name) => name === "orders"),
    explain: { answer: ({ explain }) => (explain.find === "orders" ? unauthorized() : undefined) },
  });
  expect(facts.deep.schemas).toMatchObject({ known: true, value: [{ collection: "customers", sampled: 1 }] });
  expect(facts.deep.queries).toMatchObject({ known: true, value: [{ query: "customerBy" }] });
  expect(texts("UNKNOWN")).toEqual(
    expect.arrayContaining([
      "Part of schema could not be checked: sample of orders",
      "Part of queries could not be checked: named query ordersOf",
    ]),
  );
  expect(texts("QUERY_FAILED")).toEqual([]);
});

test("of queries that may not be explained, all of them, it is not said that there are none", async () => {
  const { facts, parts } = await healthBy({ explain: { answer: unauthorized } });
  expect(facts.deep.queries).toMatchObject({ known: false });
  expect(parts.find(({ part }) => part === "queries")).toMatchObject({ state: "unknown", points: null });
});

// `config` of a cluster is read by clusterMonitor and clusterManager: not by a user of one database.
const ofRouter: Play = {
  hello: { change: ({ setName, hosts, primary, me, secondary, ...rest }) => ({ ...rest, msg: "isdbgrid" }) },
  find: { answer: ({ $db }) => ($db === "config" ? unauthorized() : undefined) },
};

test("a user who may not read the shard keys sees missing indexes; none is called redundant or unused", async () => {
  const { texts, facts } = await healthBy(ofRouter);
  expect(texts("INDEX_MISSING")).toEqual(["Index placedAt_1 of orders is declared and missing"]);
  expect([...texts("INDEX_REDUNDANT"), ...texts("INDEX_UNUSED")]).toEqual([]);
  expect(texts("UNKNOWN")).toContain("Part of indexes could not be checked: redundant indexes");
  expect(facts.indexes).toMatchObject({ value: { silent: [{ member: "each shard" }] } });
});

test("nor does it keep a plan or the advice from what is known; a drop needs the shard keys", async () => {
  await seed();
  await database.connection.collection("orders").createIndex({ placedAt: 1 }, { sparse: true });
  const connection = await connectionBy(ofRouter);
  const optimizer = new DatabaseOptimizer(connection, { models: modelsOf(connection), queries });
  const { plan, notes } = await optimizer.plan();
  expect(plan.steps.map(({ kind, index }) => `${kind} ${index}`)).toEqual(["rebuild placedAt_1"]);
  expect(notes).toMatchObject([
    { collection: "orders", message: expect.stringMatching(/^whether its shard key needs placedAt_1/) },
  ]);
  const report = await optimizer.optimize({ rounds: 1 });
  expect(report).toMatchObject({
    queries: [{}, {}],
    shardKeysUnread: expect.stringContaining("not authorized"),
  });
  expect(report.findings.map(({ code }) => code)).not.toContain("INDEX_REDUNDANT");
  await expect(optimizer.plan({ drop: ["orders.own_1"] })).rejects.toMatchObject({ code: "NOT_AUTHORIZED" });
});

test("a user with sizes and no documents, as clusterMonitor, is told the sizes", async () => {
  await seed();
  const report = await storageReport(await connectionBy(refusingStage("$sample")));
  expect(report.collections).toMatchObject([
    {
      collection: "customers",
      documents: 1,
      sampled: 0,
      unsampled: expect.stringContaining("not authorized"),
    },
    { collection: "orders", documents: 2, sampled: 0 },
  ]);
});

test("a collection whose size is refused is left out of the storage report by name", async () => {
  await seed();
  const refusing = await connectionBy(refusingStage("$collStats", (name) => name === "orders"));
  const report = await storageReport(refusing);
  expect(report.collections.map(({ collection }) => collection)).toEqual(["customers"]);
  expect(report.leftOut).toMatchObject([{ collection: "orders" }]);
});
