import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { mongo, Schema } from "mongoose";
import { beforeAll, describe, expect, test } from "vitest";

import type { HealthFacts } from "../../src/health/facts.js";
import { checkHealth } from "../../src/health/health.js";
import type { Document } from "../../src/model.js";
import { intercepted } from "../support.js";

const database = useTemporaryDatabase({ label: "deep" });
const now = new Date("2027-03-08T00:00:00.000Z");
const day = 86_400_000;
const model = () =>
  database.connection.models.Event ??
  database.connection.model(
    "Event",
    new Schema(
      { kind: { type: String, required: true }, at: Date },
      { collection: "events", autoIndex: false },
    ),
  );
const idAt = (moment: number, n: number) =>
  new mongo.ObjectId(
    `${Math.floor(moment / 1_000)
      .toString(16)
      .padStart(8, "0")}${n.toString(16).padStart(16, "0")}`,
  );
const queries = [
  { name: "byKind", collection: "events", filter: { kind: "a" }, limit: 5, index: "kind_1" },
  { name: "byDate", collection: "events", filter: { at: new Date(0) } },
  { name: "impossible", collection: "events", filter: { $where_: 1 } },
];

beforeAll(async () => {
  // 70 in the week before now, 30 before that.
  const events = Array.from({ length: 100 }, (_, n) => ({
    _id: idAt(now.getTime() - (n < 70 ? n * (day / 10) : 20 * day), n),
    kind: n === 5 ? 7 : "a",
    at: new Date(n),
  }));
  await database.connection.collection<Document>("events").insertMany(events as never);
  await database.connection.collection("events").createIndex({ kind: 1 });
});

const check = (given: Partial<Parameters<typeof checkHealth>[2]> = {}, connection = database.connection) =>
  checkHealth(connection, [model()], { now, queries, ...given });

test("samples, queries and growth are seen, and what is wrong with them is found", async () => {
  const { facts, findings, projections } = await check({
    thresholds: { limits: { events: { documents: 150 }, "*": { documents: 1_000 } } },
  });
  const { schemas, queries: asked, growth } = facts.deep;
  expect(schemas).toMatchObject({
    known: true,
    value: [{ collection: "events", sampled: 100, failing: 1, paths: [{ path: "kind", kind: "type" }] }],
  });
  expect(asked).toMatchObject({
    value: [{ problems: [] }, { problems: ["collection_scan"] }, { failure: expect.any(String) }],
  });
  expect(growth).toMatchObject({ value: [{ documents: 100, perDay: 10, overDays: 7, expires: false }] });
  expect(projections.map(({ subject, days }) => [subject, days])).toEqual([
    ["events", 5],
    ["*", 90],
  ]);
  const codes = findings.map(({ code }) => code);
  expect(codes).toEqual(
    expect.arrayContaining([
      "SCHEMA_BROKEN",
      "QUERY_COLLECTION_SCAN",
      "QUERY_FAILED",
      "LIMIT_NEAR",
      "AUTHENTICATION_OFF",
    ]),
  );
  expect(facts.security).toMatchObject({
    user: { value: { name: null } },
    transport: { tls: false, loopback: true },
  });
  expect(facts.replication).toMatchObject({ value: { members: [{ state: "PRIMARY" }] } });
});

test("what took reading data is looked at again after a minute, not before", async () => {
  const first = await check();
  const soon = await check({ now: new Date(now.getTime() + 59_000), previous: first });
  expect(soon.facts.deep).toBe(first.facts.deep);
  const later = await check({ now: new Date(now.getTime() + 60_000), previous: first });
  expect(later.facts.deep.at).toEqual(new Date(now.getTime() + 60_000));
  const setBack = await check({ now: new Date(now.getTime() - 1_000), previous: first });
  expect(setBack.facts.deep).not.toBe(first.facts.deep);
});

describe("a privilege that is missing leaves one question open, and that question only", () => {
  const uses = (name: string) => (command: Document) => name in command;
  const samples = (command: Document) => JSON.stringify(command.pipeline ?? "").includes("$sample");
  test.each<
    [what: string, refused: (command: Document) => boolean, open: (facts: HealthFacts) => { known: boolean }]
  >([
    ["connectionStatus", uses("connectionStatus"), ({ security }) => security.user],
    ["getCmdLineOpts", uses("getCmdLineOpts"), ({ security }) => security.settings],
    ["replSetGetStatus", uses("replSetGetStatus"), ({ replication }) => replication],
    ["serverStatus", uses("serverStatus"), ({ server }) => server],
    ["currentOp", uses("currentOp"), ({ longOperations }) => longOperations],
    ["explain", uses("explain"), ({ deep }) => deep.queries],
    ["$sample", samples, ({ deep }) => deep.schemas],
  ])("%s", async (_what, refused, open) => {
    const connection = intercepted(database.connection, (command) => {
      if (refused(command)) throw new mongo.MongoServerError({ message: "not authorized here", code: 13 });
    });
    const report = await check({}, connection);
    expect(open(report.facts)).toMatchObject({
      known: false,
      reason: expect.stringContaining("not authorized here"),
    });
    expect(report.undecided).toBe(true);
    expect(report.findings.filter(({ code }) => code === "UNKNOWN")).toHaveLength(1);
  });

  test("who is not logged in and refused may conclude that a login is wanted", async () => {
    const connection = intercepted(database.connection, (command) => {
      if ("listDatabases" in command)
        throw new mongo.MongoServerError({ message: "requires authentication", code: 13 });
    });
    const { facts, findings } = await check({}, connection);
    expect(facts.security.authentication).toEqual({ known: true, value: true });
    expect(findings.map(({ code }) => code)).not.toContain("AUTHENTICATION_OFF");
  });

  test("a command that the server does not know is no missing privilege", async () => {
    const connection = intercepted(database.connection, (command) => {
      if ("getCmdLineOpts" in command)
        throw new mongo.MongoServerError({ message: "no such command", code: 59 });
    });
    expect(await check({}, connection)).toMatchObject({ undecided: false });
  });
});

test.each<[thresholds: object, said: string]>([
  [{ limits: { absent: { documents: 1 } } }, "limits.absent"],
  [{ limits: { events: { documents: -1 } } }, "limits.events.documents"],
  [{ limits: { events: { rows: 1 } } }, "limits.events"],
  [{ sampleDocuments: 1e9 }, "sampleDocuments"],
  [{ oplogHours: Number.NaN }, "oplogHours"],
  [{ __proto__: null, replicationLagMs: "5" }, "replicationLagMs"],
])("refuses the thresholds %j by name", async (thresholds, said) => {
  await expect(check({ thresholds })).rejects.toMatchObject({
    code: "INVALID_OPTIONS",
    message: expect.stringContaining(said),
  });
});

test("ids that tell no time make growth unknown, and an empty or absent collection grows by nothing", async () => {
  const models = ["numbers", "empty"].map((name) =>
    database.connection.model(name, new Schema({ _id: Number }, { collection: name, autoIndex: false })),
  );
  await database.connection.collection<{ _id: number }>("numbers").insertMany([{ _id: 1 }, { _id: 2 }]);
  const { facts } = await checkHealth(database.connection, models, { now });
  expect(facts.deep.growth).toMatchObject({
    value: [
      { perDay: null, documents: 2 },
      { perDay: 0, documents: 0 },
    ],
  });
});
