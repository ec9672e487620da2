import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { type Connection, createConnection, mongo, Schema } from "mongoose";
import { beforeAll, describe, expect, it } from "vitest";
import type { HealthFacts } from "../../src/health/facts.js";
import { findingsOf } from "../../src/health/findings.js";
import { checkHealth } from "../../src/health/health.js";
import { partWeights, scoreHealth, severityCosts } from "../../src/health/score.js";
import { parseThresholds } from "../../src/health/thresholds.js";
import { analysePerformance } from "../../src/optimize/optimize.js";

const now = new Date("2026-06-01T00:00:00.000Z");
const thresholds = parseThresholds(undefined);
const known = <T>(value: T) => ({ known: true as const, value });
const drift = {
  inSync: true,
  missing: [],
  changed: [],
  building: [],
  renamed: [],
  extra: [],
  leftovers: [],
  missingCollections: [],
};
const well: HealthFacts = {
  database: "shop",
  at: now,
  connection: known({ pingP50Ms: 1, pingP95Ms: 2 }),
  topology: known({
    kind: "replica_set" as const,
    version: "8.0.1",
    setName: "rs",
    members: 3,
    writablePrimary: true,
  }),
  collections: known([]),
  indexes: known({ drift, redundant: [], use: [] }),
  server: known({ connections: 10, connectionsAvailable: 90, cacheUsedRatio: 0.5, uptimeSeconds: 1_000 }),
  slow: { known: true, profiling: false, shapes: [] },
  longOperations: known([]),
};

describe("findingsOf", () => {
  const size = { documents: 1, dataBytes: 20_000_000, storageBytes: 1, indexBytes: 1 };
  const server = { connections: 1, connectionsAvailable: 9, uptimeSeconds: 1 };

  it("finds nothing wrong with a database that is well", () => {
    expect(findingsOf(well, thresholds)).toEqual([]);
  });

  it.each<[code: string, severity: string, facts: Partial<HealthFacts>]>([
    ["SLOW_CONNECTION", "warning", { connection: known({ pingP50Ms: 51, pingP95Ms: 60 }) }],
    [
      "STANDALONE",
      "warning",
      { topology: known({ kind: "standalone", version: "8.0", members: 1, writablePrimary: true }) },
    ],
    [
      "FEW_MEMBERS",
      "info",
      { topology: known({ kind: "replica_set", version: "8.0", members: 1, writablePrimary: true }) },
    ],
    [
      "NO_PRIMARY",
      "critical",
      { topology: known({ kind: "replica_set", version: "8.0", members: 3, writablePrimary: false }) },
    ],
    [
      "OLD_SERVER",
      "warning",
      { topology: known({ kind: "replica_set", version: "5.0.9", members: 3, writablePrimary: true }) },
    ],
    ["COLLECTION_MISSING", "warning", { collections: known([{ ...size, collection: "a", exists: false }]) }],
    [
      "INDEXES_LARGE",
      "info",
      { collections: known([{ ...size, collection: "a", exists: true, indexBytes: 70_000_000 }]) },
    ],
    [
      "FEW_CONNECTIONS_LEFT",
      "critical",
      { server: known({ ...server, connections: 95, connectionsAvailable: 5 }) },
    ],
    ["CACHE_FULL", "warning", { server: known({ ...server, cacheUsedRatio: 0.99 }) }],
    [
      "LONG_OPERATION",
      "warning",
      { longOperations: known([{ opid: "7", operation: "query", namespace: "shop.a", runningMs: 90_000 }]) },
    ],
    ["UNKNOWN", "info", { server: { known: false, reason: "not authorized" } }],
    ["UNKNOWN", "info", { slow: { known: false, reason: "not authorized" } }],
  ])("%s is %s", (code, severity, facts) => {
    const findings = findingsOf({ ...well, ...facts }, thresholds);
    expect(findings.map((finding) => [finding.code, finding.severity])).toEqual([[code, severity]]);
    expect(findings[0]?.evidence).not.toBe("");
  });
});

describe("scoreHealth", () => {
  it("has weights that add up to 100", () => {
    expect(Object.values(partWeights).reduce((sum, weight) => sum + weight, 0)).toBe(100);
  });

  it("is 100 for no findings, and falls by each part's weight", () => {
    expect(scoreHealth([]).score).toBe(100);
    const finding = {
      code: "X",
      part: "indexes" as const,
      severity: "critical" as const,
      message: "",
      evidence: "",
    };
    expect(scoreHealth([finding]).score).toBe(100 - (partWeights.indexes * severityCosts.critical) / 100);
    expect(scoreHealth(Array(9).fill(finding)).score).toBe(60);
    expect(scoreHealth(Array(90).fill({ ...finding, severity: "info" })).score).toBe(92);
  });

  it("leaves out a part that could not be looked at, and never takes it for good", () => {
    const unknown = scoreHealth([], new Set(["indexes"]));
    expect(unknown.score).toBe(100);
    expect(unknown.parts.find(({ part }) => part === "indexes")?.points).toBeNull();
    const all = new Set(Object.keys(partWeights)) as Set<keyof typeof partWeights>;
    expect(scoreHealth([], all).score).toBe(0);
  });
});

describe("parseThresholds", () => {
  it.each([{ pingMs: 0 }, { cacheUsedRatio: 2 }, { unknown: 1 }, "strict"])("refuses %j", (value) => {
    expect(() => parseThresholds(value)).toThrow(expect.objectContaining({ code: "INVALID_OPTIONS" }));
  });
});

describe("on the engine", () => {
  const database = useTemporaryDatabase({ label: "health" });
  const schema = new Schema({ email: String, at: Date, kind: String }, { autoIndex: false });
  schema.index({ email: 1 }, { name: "email_unique", unique: true });
  schema.index({ kind: 1, at: -1 }, { name: "kind_newest" });
  const model = (connection: Connection) =>
    connection.models.Person ?? connection.model("Person", schema, "people");
  const queries = [
    {
      name: "byEmail",
      collection: "people",
      filter: { email: "p7@example.com" },
      limit: 1,
      index: "email_unique",
    },
    {
      name: "byKind",
      collection: "people",
      filter: { kind: "a" },
      sort: { at: -1 as const },
      limit: 10,
      index: "kind_newest",
    },
    { name: "byName", collection: "people", filter: { name: "x" } },
  ];

  beforeAll(async () => {
    const people = Array.from({ length: 1_000 }, (_, index) => ({
      email: `p${index}@example.com`,
      kind: "abcd"[index % 4],
      at: new Date(index),
    }));
    await database.connection.collection("people").insertMany(people);
  });

  it("sees missing indexes before, and none after they are made", async () => {
    const models = [model(database.connection)];
    const before = await checkHealth(database.connection, models, { now: new Date() });
    const missing = before.findings.filter(({ code }) => code === "INDEX_MISSING");
    expect(missing.map(({ command }) => command)).toEqual(["org-db apply", "org-db apply"]);
    expect(before.facts.topology).toMatchObject({
      known: true,
      value: { kind: "replica_set", writablePrimary: true },
    });
    expect(before.facts.collections).toMatchObject({
      known: true,
      value: [{ collection: "people", documents: 1_000 }],
    });

    const slow = await analysePerformance(database.connection, models, queries, { rounds: 3 });
    expect(slow.indexHitRatio).toBe(0);
    expect(slow.queries[2]).toMatchObject({ examinedPerReturned: 1_000, problems: ["collection_scan"] });
    expect(slow.advice.map(({ command }) => command)).toContain("org-db apply");
    expect(slow.advice.map(({ command }) => command)).toContain("db.people.createIndex({ name: 1 })");

    await models[0]!.createIndexes();
    const after = await checkHealth(database.connection, models, { now: new Date() });
    expect(after.findings.filter(({ part }) => part === "indexes")).toEqual([]);
    expect(after.score).toBeGreaterThan(before.score);
    const fast = await analysePerformance(database.connection, models, queries.slice(0, 2), { rounds: 3 });
    expect(fast).toMatchObject({ indexHitRatio: 1, advice: [] });
    expect(fast.queries.map(({ examinedPerReturned }) => examinedPerReturned)).toEqual([1, 1]);
    expect(fast.queries.map(({ latency }) => latency.samples)).toEqual([3, 3]);
  });

  it("reads slow operations from the profiler and explains them", async () => {
    const db = database.connection.db!;
    await db.command({ profile: 2, slowms: 0 });
    await db.collection("people").find({ kind: "a", name: "nobody" }).toArray();
    await db.command({ profile: 0 });
    const { slow } = await analysePerformance(database.connection, [model(database.connection)], [], {
      thresholds: { slowOperationMs: 0 },
    });
    if (!slow.known) throw new Error(slow.reason);
    const found = slow.shapes.find(({ shape }) => "name" in shape.filter);
    expect(found).toMatchObject({ shape: { operation: "find", filter: { kind: "?", name: "?" } } });
    expect(found?.plan?.returned).toBe(0);
  });

  it("takes a probe that is refused, or that takes too long, for unknown and goes on", async () => {
    const { db } = database.connection;
    const command = (sent: Record<string, unknown>, ...rest: []) => {
      if ("serverStatus" in sent) throw new mongo.MongoServerError({ message: "not authorized", code: 13 });
      if ("buildInfo" in sent) return new Promise(() => undefined);
      return db!.command(sent, ...rest);
    };
    const guarded = new Proxy(db!, {
      get: (target, key) => {
        const value = key === "command" ? command : Reflect.get(target, key);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
    const connection = new Proxy(database.connection, {
      get: (target, key) => (key === "db" ? guarded : Reflect.get(target, key)),
    });
    const report = await checkHealth(connection, [], { now, thresholds: { probeTimeoutMs: 1_000 } });
    expect(report.facts.server).toMatchObject({
      known: false,
      reason: expect.stringContaining("not authorized"),
    });
    expect(report.facts.topology).toMatchObject({ known: false, reason: expect.stringContaining("1000 ms") });
    expect(report.facts.connection.known).toBe(true);
    expect(report.parts.find(({ part }) => part === "operations")?.points).toBeNull();
  });

  it("gives up on a server that is gone with one code", async () => {
    const connection = await createConnection(database.uri).asPromise();
    await connection.close();
    await expect(checkHealth(connection, [], { now })).rejects.toMatchObject({ name: "OptimizerError" });
  });
});
