import { allNeed, needs, useTemporaryDatabase } from "@org/dev-kit/vitest";
import { mongo, Schema } from "mongoose";
import { beforeAll, describe, expect, test } from "vitest";
import type { Document } from "../../src/core/model.js";
import type { HealthFacts } from "../../src/health/facts/facts.js";
import { checkHealth } from "../../src/health/health.js";
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

needs("clusterMonitoring", "memberStates")(
  "samples, queries and growth are seen, and what is wrong with them is found",
  async () => {
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
  },
);

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
  allNeed("clusterMonitoring", "memberStates");
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
    const left = report.findings.filter(({ evidence }) => evidence.includes("not authorized here"));
    expect(left.map(({ code }) => code)).toEqual(["UNKNOWN"]);
  });

  test("hostInfo", async () => {
    const connection = intercepted(database.connection, (command) => {
      if ("serverStatus" in command)
        return { uptimeMillis: 1, extra_info: { user_time_us: 1, system_time_us: 1 } };
      if ("hostInfo" in command)
        throw new mongo.MongoServerError({ message: "not authorized here", code: 13 });
      return undefined;
    });
    const { facts, undecided } = await check({}, connection);
    expect(facts.processor).toMatchObject({
      known: false,
      reason: expect.stringContaining("not authorized"),
    });
    expect(undecided).toBe(true);
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

describe("what only two looks tell", () => {
  /** A server of four processors, which had so much processor time after so long, at each look; and a second member. */
  const looking = (looks: readonly (readonly [upMs: number, usedMs: number])[], state = "RECOVERING") => {
    let look = 0;
    return intercepted(database.connection, (command) => {
      if ("hostInfo" in command) return { system: { numCores: 8, numCoresAvailableToProcess: 4 } };
      if ("replSetGetStatus" in command)
        return { date: now, members: [{ name: "b", stateStr: state, health: 1 }] };
      if (!("serverStatus" in command) || look >= looks.length) return undefined;
      const [upMs, usedMs] = looks[look++] as readonly [number, number];
      const extra_info = { user_time_us: usedMs * 600, system_time_us: usedMs * 400 };
      return { uptimeMillis: upMs, extra_info, connections: { current: 1 } };
    });
  };
  const later = (ms: number) => new Date(now.getTime() + ms);

  test("how busy the processors are: within half a second at first, then since the check before", async () => {
    const first = await check(
      {},
      looking([
        [10_000, 5_000],
        [10_500, 6_900],
      ]),
    );
    expect(first.facts.processor).toMatchObject({ value: { usedRatio: 0.95, processors: 4, overMs: 500 } });
    expect(first.findings.find(({ code }) => code === "PROCESSOR_BUSY")).toMatchObject({
      severity: "warning",
      evidence: "95 % of 4 over 0.5 s, above 85 %",
    });
    const second = await check({ previous: first }, looking([[15_500, 7_900]]));
    expect(second.facts.processor).toMatchObject({ value: { usedRatio: 0.05, overMs: 5_000 } });
    // A server that was started again counts from nothing.
    const restarted = await check(
      { previous: second },
      looking([
        [2_000, 10],
        [2_500, 1_010],
      ]),
    );
    expect(restarted.facts.processor).toMatchObject({ value: { usedRatio: 0.5, overMs: 500 } });
  });

  test("a server that does not count its processor time is known to be unknown, for good", async () => {
    const connection = intercepted(database.connection, (command) =>
      "serverStatus" in command ? { connections: { current: 1 }, uptimeMillis: 5 } : undefined,
    );
    const { facts, findings } = await check({}, connection);
    expect(facts.processor).toMatchObject({ known: false, unsupported: true });
    expect(findings.map(({ message }) => message)).toContain(
      "Part of operations could not be checked: processors",
    );
  });

  needs("memberStates")(
    "how long a member has been as it is: two minutes of RECOVERING are critical",
    async () => {
      const severity = ({ findings }: { findings: readonly { code: string; severity: string }[] }) =>
        findings.find(({ code }) => code === "MEMBER_UNHEALTHY")?.severity;
      const first = await check({}, looking([]));
      const second = await check({ previous: first, now: later(120_000) }, looking([]));
      expect([severity(first), severity(second)]).toEqual(["warning", "warning"]);
      const third = await check({ previous: second, now: later(121_000) }, looking([]));
      expect(third.findings.find(({ code }) => code === "MEMBER_UNHEALTHY")).toMatchObject({
        severity: "critical",
        evidence: "it is RECOVERING, seen so for 121 s",
      });
      const well = await check({ previous: third, now: later(122_000) }, looking([], "SECONDARY"));
      const again = await check({ previous: well, now: later(123_000) }, looking([]));
      expect([severity(well), severity(again)]).toEqual([undefined, "warning"]);
    },
  );
});
