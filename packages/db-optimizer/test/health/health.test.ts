import { needs, useTemporaryDatabase } from "@org/dev-kit/vitest";
import { type Connection, createConnection, mongo, Schema } from "mongoose";
import { beforeAll, describe, expect, it, test } from "vitest";
import { findingSchema } from "../../src/core/finding.js";
import { parseThresholds } from "../../src/core/thresholds.js";
import type { HealthFacts, SampleFacts } from "../../src/health/facts/facts.js";
import { projectGrowth } from "../../src/health/facts/growth.js";
import type { HealthFigure } from "../../src/health/facts/measures.js";
import { compareFigures } from "../../src/health/facts/week-ago.js";
import { checkHealth } from "../../src/health/health.js";
import { findingsOf } from "../../src/health/rules/findings.js";
import { analysePerformance } from "../../src/workload/analysis.js";
import { actualIndex, intercepted, overriding } from "../support.js";

const now = new Date("2026-06-01T00:00:00.000Z");

/** The connection, as if to a router whose `config` database has these documents; it has one member, the server. */
function asRouter(connection: Connection, config: Readonly<Record<string, object[]>>): Connection {
  const answering = intercepted(connection, async (command) =>
    "hello" in command ? { ...(await connection.db?.command(command)), msg: "isdbgrid" } : undefined,
  );
  const client = connection.getClient();
  const collection = (name: string) => ({ find: () => ({ toArray: async () => config[name] ?? [] }) });
  const db = (name?: string) => (name === "config" ? { collection } : client.db(name));
  return overriding(answering, { getClient: () => overriding(client, { db }) });
}
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
const findingsIn = (facts: HealthFacts, limits = thresholds) =>
  findingsOf(facts, limits, compareFigures(facts));
const weekBefore = new Date("2026-05-25T00:02:00.000Z");
const kept = (...figures: HealthFigure[]) => ({
  weekAgo: known({ _id: "x", at: weekBefore, score: 90, figures }),
});
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
  indexes: known({ drift, redundant: [], use: [], silent: [] }),
  server: known({ connections: 10, connectionsAvailable: 90, cacheUsedRatio: 0.5, uptimeSeconds: 1_000 }),
  processor: known({ usedRatio: 0.7, processors: 4, overMs: 500, reading: { usedMs: 1, upMs: 1 } }),
  slow: { known: true, profiling: false, shapes: [] },
  longOperations: known([]),
  replication: known({
    members: [
      { name: "a", state: "PRIMARY" },
      { name: "b", state: "SECONDARY", lagMs: 900 },
    ],
    oplogHours: known(72),
  }),
  security: {
    user: known({ name: "app@admin", roles: [{ role: "readWrite", db: "shop" }] }),
    settings: known({ boundTo: ["10.0.0.5"], tlsMode: "requireTLS", authorization: true }),
    authentication: known(true),
    transport: { tls: true, verified: true, loopback: false },
  },
  ...kept(),
  deep: {
    at: now,
    schemas: known([]),
    lookups: known([]),
    queries: known([]),
    growth: known([]),
    checks: [],
  },
};
const secured = (given: Partial<HealthFacts["security"]>) => ({ security: { ...well.security, ...given } });
const looked = (given: Partial<HealthFacts["deep"]>) => ({ deep: { ...well.deep, ...given } });
const replicating = (member: { name: string; state: string }, oplogHours = known(72)) => ({
  replication: known({ members: [{ name: "a", state: "PRIMARY" }, member], oplogHours }),
});
const asked = {
  query: "q",
  collection: "a",
  problems: [],
  examinedPerReturned: 1,
  keysPerReturned: 1,
  indexes: ["i"],
};
const limited = { documents: 90, dataBytes: 900, overDays: 7, expires: false, collection: "a" };
const unknown = { known: false as const, reason: "not authorized" };
const shape = { sampled: 1, medianBytes: 9, largestBytes: 9, largestId: 7, arrays: [] };
const sample = { collection: "a", sampled: 1, failing: 0, paths: [], shape };
const shaped = (given: Partial<SampleFacts["shape"]>) =>
  looked({ schemas: known([{ ...sample, shape: { ...shape, ...given } }]) });
const joined = {
  collection: "a",
  operations: 49,
  aggregations: 60,
  totalMillis: 70,
  mostJoins: 2,
  joins: [{ from: "b", foreignField: "owner" }],
  since: now,
};
/** Collection b, with an index on this field. */
const indexed = (field: string, options = {}): Partial<HealthFacts> => ({
  ...looked({ lookups: known([joined]) }),
  collections: known([
    { collection: "b", exists: true, documents: 1, dataBytes: 1, storageBytes: 1, indexBytes: 1 },
  ]),
  indexes: known({
    drift,
    redundant: [],
    silent: [],
    use: [
      {
        index: { ...actualIndex({ [field]: 1, at: 1 }, options), collection: "b" },
        verdict: "used" as const,
        use: [],
      },
    ],
  }),
});

describe("findingsOf", () => {
  const size = { documents: 1, dataBytes: 20_000_000, storageBytes: 1, indexBytes: 1 };
  const server = { connections: 1, connectionsAvailable: 9, uptimeSeconds: 1 };
  const processor = { processors: 4, overMs: 500, reading: { usedMs: 1, upMs: 1 } };

  const scanning = (documents: number) => ({
    ...looked({ queries: known([{ ...asked, problems: ["collection_scan"] }]) }),
    collections: known([{ ...size, collection: "a", exists: true, documents }]),
  });

  it("finds nothing wrong with a database that is well", () => {
    expect(findingsIn(well)).toEqual([]);
  });

  it.each<[what: string, facts: Partial<HealthFacts>]>([
    ["a join that an index serves", indexed("owner")],
    [
      "a join by _id",
      looked({ lookups: known([{ ...joined, joins: [{ from: "b", foreignField: "_id" }] }]) }),
    ],
    ["a join of a collection that is no model's", looked({ lookups: known([joined]) })],
    [
      "documents and arrays just below their limits",
      shaped({ largestBytes: 1_048_576, medianBytes: 16_384 }),
    ],
    [
      "arrays that are long in all documents",
      shaped({ arrays: [{ path: "x", medianLength: 400, longest: 501, longestId: 7 }] }),
    ],
  ])("lets %s be", (_what, facts) => {
    expect(findingsIn({ ...well, ...facts })).toEqual([]);
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
    ["CACHE_DIRTY", "warning", { server: known({ ...server, cacheDirtyRatio: 0.21 }) }],
    ["CACHE_MISSES", "info", { server: known({ ...server, uptimeSeconds: 3_600, cacheHitRatio: 0.9 }) }],
    ["OVERLOADED", "critical", { server: known({ ...server, queued: 101 }) }],
    ["PROCESSOR_BUSY", "info", { processor: known({ ...processor, usedRatio: 0.71 }) }],
    ["PROCESSOR_BUSY", "warning", { processor: known({ ...processor, usedRatio: 0.86 }) }],
    ["PROCESSOR_BUSY", "critical", { processor: known({ ...processor, usedRatio: 0.96 }) }],
    ["MEMBER_LAGS", "warning", replicating({ name: "b", state: "SECONDARY", lagMs: 5_001 } as never)],
    [
      "MEMBER_STALE",
      "critical",
      replicating({ name: "b", state: "SECONDARY", lagMs: 73 * 3_600_000 } as never),
    ],
    [
      "MEMBER_UNHEALTHY",
      "warning",
      replicating({ name: "b", state: "RECOVERING", seenMs: 120_000 } as never),
    ],
    [
      "MEMBER_UNHEALTHY",
      "critical",
      replicating({ name: "b", state: "RECOVERING", seenMs: 120_001 } as never),
    ],
    ["OPLOG_SHORT", "warning", replicating({ name: "b", state: "SECONDARY" }, known(2))],
    ["MEMBER_UNHEALTHY", "warning", replicating({ name: "b", state: "RECOVERING" })],
    ["MEMBER_UNHEALTHY", "critical", replicating({ name: "b", state: "ROLLBACK" })],
    ["MEMBER_UNHEALTHY", "warning", replicating({ name: "b", state: "UNKNOWN", silentMs: 120_000 } as never)],
    [
      "MEMBER_UNHEALTHY",
      "critical",
      replicating({ name: "b", state: "UNKNOWN", silentMs: 120_001 } as never),
    ],
    [
      "BALANCER_OFF",
      "warning",
      {
        topology: known({
          kind: "sharded",
          version: "8.0",
          members: 1,
          writablePrimary: true,
          shards: 3,
          balancing: false,
        }),
      },
    ],
    [
      "ONE_SHARD",
      "info",
      { topology: known({ kind: "sharded", version: "8.0", members: 1, writablePrimary: true, shards: 1 }) },
    ],
    ["AUTHENTICATION_OFF", "critical", secured({ authentication: known(false) })],
    [
      "AUTHENTICATION_OFF",
      "warning",
      secured({ authentication: known(false), transport: { tls: false, verified: false, loopback: true } }),
    ],
    ["TLS_OFF", "warning", secured({ transport: { tls: false, verified: false, loopback: false } })],
    ["TLS_UNVERIFIED", "warning", secured({ transport: { tls: true, verified: false, loopback: false } })],
    [
      "TLS_OPTIONAL",
      "info",
      secured({ settings: known({ boundTo: ["10.0.0.5"], tlsMode: "preferTLS", authorization: true }) }),
    ],
    [
      "BOUND_TO_ALL",
      "info",
      secured({
        settings: known({ boundTo: ["127.0.0.1", "0.0.0.0"], tlsMode: "requireTLS", authorization: true }),
      }),
    ],
    [
      "ROLE_BROAD",
      "critical",
      secured({ user: known({ name: "app@admin", roles: [{ role: "root", db: "admin" }] }) }),
    ],
    [
      "ROLE_BROAD",
      "warning",
      secured({ user: known({ name: "app@admin", roles: [{ role: "dbOwner", db: "shop" }] }) }),
    ],
    [
      "SCHEMA_BROKEN",
      "info",
      looked({
        schemas: known([
          { ...sample, sampled: 200, failing: 1, paths: [{ path: "n", kind: "type", documents: 1 }] },
        ]),
      }),
    ],
    [
      "SCHEMA_BROKEN",
      "warning",
      looked({
        schemas: known([
          { ...sample, sampled: 20, failing: 2, paths: [{ path: "n", kind: "missing", documents: 2 }] },
        ]),
      }),
    ],
    ["DOCUMENT_LARGE", "info", shaped({ largestBytes: 1_048_577 })],
    ["DOCUMENTS_BLOATED", "info", shaped({ medianBytes: 16_385 })],
    [
      "ARRAY_UNBOUNDED",
      "info",
      shaped({ arrays: [{ path: "x", medianLength: 3, longest: 501, longestId: 7 }] }),
    ],
    ["LOOKUPS_FREQUENT", "info", looked({ lookups: known([{ ...joined, operations: 50 }]) })],
    ["LOOKUPS_FREQUENT", "info", looked({ lookups: known([{ ...joined, mostJoins: 3 }]) })],
    ["LOOKUP_UNINDEXED", "warning", indexed("other")],
    ["LOOKUP_UNINDEXED", "warning", indexed("owner", { hidden: true })],
    ["TRANSACTIONS_IDLE", "warning", { server: known({ ...server, idleTransactions: 101 }) }],
    [
      "QUERY_COLLECTION_SCAN",
      "warning",
      looked({ queries: known([{ ...asked, problems: ["collection_scan"] }]) }),
    ],
    // Advice proposes an index from 500 documents on.
    ["QUERY_COLLECTION_SCAN", "info", scanning(499)],
    ["QUERY_COLLECTION_SCAN", "warning", scanning(500)],
    ["QUERY_INDEX_SCAN", "warning", looked({ queries: known([{ ...asked, problems: ["index_scan"] }]) })],
    ["QUERY_OTHER_INDEX", "info", looked({ queries: known([{ ...asked, problems: ["other_index"] }]) })],
    ["QUERY_FAILED", "warning", looked({ queries: known([{ ...asked, failure: "unknown operator" }]) })],
    [
      "CHECK_FAILED",
      "critical",
      looked({
        checks: [
          {
            name: "audit",
            part: "security",
            result: known({ ok: false, severity: "critical", message: "m", evidence: "e" }),
          },
        ],
      }),
    ],
    ["UNKNOWN", "info", { server: unknown }],
    ["UNKNOWN", "info", { weekAgo: unknown }],
    ["UNKNOWN", "info", { processor: unknown }],
    ["UNKNOWN", "info", { slow: unknown }],
    ["UNKNOWN", "info", { replication: unknown }],
    ["UNKNOWN", "info", secured({ settings: unknown })],
    [
      "UNKNOWN",
      "info",
      {
        indexes: known({
          drift,
          redundant: [],
          use: [],
          silent: [{ member: "b:27017", reason: "it does not answer" }],
        }),
      },
    ],
    ["UNKNOWN", "info", looked({ growth: unknown })],
    ["UNKNOWN", "info", looked({ checks: [{ name: "audit", part: "security", result: unknown }] })],
  ])("%s is %s", (code, severity, facts) => {
    const findings = findingsIn({ ...well, ...facts });
    expect(findings.map((finding) => [finding.code, finding.severity])).toEqual([[code, severity]]);
    expect(findings[0]?.evidence).not.toBe("");
    // The output of --json has one shape for all rules.
    for (const finding of findings) expect(findingSchema.parse(finding)).toEqual(finding);
  });
});

describe("limits", () => {
  test.each<[what: string, perDay: number | null, expires: boolean, documents: number, found: string[]]>([
    ["nears", 1, false, 90, ["LIMIT_NEAR"]],
    ["is far", 0.3, false, 90, []],
    ["is reached", 0, false, 100, ["LIMIT_REACHED"]],
    ["is never reached where documents expire", 50, true, 90, []],
    ["has no date where ids tell no time", null, false, 90, []],
  ])("one that %s", (_what, perDay, expires, documents, found) => {
    const facts = { ...well, ...looked({ growth: known([{ ...limited, perDay, expires, documents }]) }) };
    const limits = parseThresholds({ limits: { a: { documents: 100 } } });
    expect(findingsIn(facts, limits).map(({ code }) => code)).toEqual(found);
  });

  test("of the database add all collections up", () => {
    const growth = [
      { ...limited, perDay: 9 },
      { ...limited, collection: "b", perDay: 1 },
    ];
    expect(projectGrowth(growth, { "*": { documents: 200, dataBytes: 1_900 } })).toEqual([
      { subject: "*", measure: "documents", limit: 200, now: 180, perDay: 10, days: 2 },
      { subject: "*", measure: "dataBytes", limit: 1_900, now: 1_800, perDay: 100, days: 1 },
    ]);
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

  needs("clusterMonitoring", "memberStates")(
    "sees missing indexes before, and none after they are made",
    async () => {
      const models = [model(database.connection)];
      const before = await checkHealth(database.connection, models, { now: new Date() });
      const missing = before.findings.filter(({ code }) => code === "INDEX_MISSING");
      expect(missing.map(({ command }) => command)).toEqual(["org-db setup", "org-db setup"]);
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
      expect(slow.findings.map(({ command }) => command)).toContain("org-db setup");
      expect(slow.findings.map(({ command }) => command)).toContain("db.people.createIndex({ name: 1 })");

      await models[0]!.createIndexes();
      const after = await checkHealth(database.connection, models, { now: new Date() });
      expect(after.findings.filter(({ part }) => part === "indexes")).toEqual([]);
      expect(after.score).toBeGreaterThan(before.score);
      const fast = await analysePerformance(database.connection, models, queries.slice(0, 2), { rounds: 3 });
      expect(fast).toMatchObject({ indexHitRatio: 1, findings: [] });
      expect(fast.queries.map(({ examinedPerReturned }) => examinedPerReturned)).toEqual([1, 1]);
      expect(fast.queries.map(({ latency }) => latency.samples)).toEqual([3, 3]);
    },
  );

  needs("indexStats")(
    "calls unused what nobody reads and nothing else needs: not what a shard key needs",
    async () => {
      const things = new Schema({}, { autoIndex: false, collection: "things", strict: false });
      things.index({ declared: 1 }, { name: "by_declared" });
      const models = [database.connection.model("Unread", things)];
      const collection = database.connection.collection("things");
      await collection.createIndex({ declared: 1 }, { name: "other_name" });
      await collection.createIndex({ own: 1 });
      await collection.createIndex({ tenant: 1, own: 1 });
      await collection.createIndex({ once: 1 }, { unique: true });
      const later = { now: new Date(Date.now() + 8 * 86_400_000) };
      const unusedBy = async (connection: Connection) => {
        const { findings, facts } = await checkHealth(connection, models, later);
        const use = facts.indexes.known ? facts.indexes.value.use : [];
        const verdicts = Object.fromEntries(use.map(({ index, verdict }) => [index.name, verdict]));
        expect(verdicts).toMatchObject({ other_name: "unused_declared", own_1: "unused_undeclared" });
        return findings.filter(({ code }) => code === "INDEX_UNUSED").map(({ message }) => message);
      };
      const own = "Index own_1 of things is unused";
      const declared = "Index other_name of things is unused; take it out of its schema first";
      expect((await unusedBy(database.connection)).sort()).toEqual([
        declared,
        own,
        "Index tenant_1_own_1 of things is unused",
      ]);
      const { name } = database;
      const sharded = [{ _id: `${name}.things`, key: { tenant: 1 } }];
      expect((await unusedBy(asRouter(database.connection, { collections: sharded }))).sort()).toEqual([
        declared,
        own,
      ]);
    },
  );

  it("says of a redundant index that the models declare it, whatever its name on the server", async () => {
    const spare = new Schema({}, { autoIndex: false, collection: "spare", strict: false });
    spare.index({ a: 1 }, { name: "by_a" });
    const models = [database.connection.model("Spare", spare)];
    await database.connection.collection("spare").createIndex({ a: 1 }, { name: "other_name" });
    await database.connection.collection("spare").createIndex({ a: 1, b: 1 });
    const { findings } = await analysePerformance(database.connection, models, []);
    expect(findings).toMatchObject([
      { message: expect.stringMatching(/^Index other_name .*; take it out of its schema/) },
    ]);
  });

  needs("profiler")("reads slow operations from the profiler and explains them", async () => {
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
    const connection = intercepted(database.connection, (command) => {
      if ("serverStatus" in command)
        throw new mongo.MongoServerError({ message: "not authorized", code: 13 });
      return "buildInfo" in command ? new Promise(() => undefined) : undefined;
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
