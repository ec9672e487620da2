import { needs, useTemporaryDatabase } from "@org/dev-kit/vitest";
import type { Connection } from "mongoose";
import { Schema } from "mongoose";
import { describe, expect, test } from "vitest";
import { applyRules } from "../../src/core/finding.js";
import type { Document } from "../../src/core/model.js";
import { parseThresholds } from "../../src/core/thresholds.js";
import type { CollectionFacts, HealthFacts } from "../../src/health/facts/facts.js";
import { figuresOf } from "../../src/health/facts/figures.js";
import type { FigureName, HealthFigure } from "../../src/health/facts/measures.js";
import { serverFactsOf } from "../../src/health/facts/server.js";
import { compareFigures } from "../../src/health/facts/week-ago.js";
import { serverRules } from "../../src/health/rules/server-rules.js";
import { checkHealth, type HealthOptions, type HealthReport, type KeptHealth } from "../../src/index.js";
import { answeringWrites, serverError } from "../support.js";

const database = useTemporaryDatabase({ label: "week", per: "test" });
const minute = 60_000;
const week = 7 * 24 * 60 * minute;
const now = new Date("2026-06-08T10:00:00.000Z");
const kept = () => database.connection.collection<KeptHealth>("org_db_health");

function check(options: Partial<HealthOptions> = {}, connection: Connection = database.connection) {
  connection.deleteModel(/^Thing$/);
  const schema = new Schema({ a: Number }, { collection: "things" });
  return checkHealth(connection, [connection.model("Thing", schema)], { now, ...options });
}

/** Keeps a check of so many minutes before this moment a week ago. */
const keepBefore = (minutes: number) =>
  check({ keep: true, now: new Date(now.getTime() - week - minutes * minute) });

const openQuestions = ({ findings }: HealthReport) =>
  findings.filter(({ code }) => code === "UNKNOWN").map(({ message }) => message);
const noWeek = "Part of operations could not be checked: the same hour a week ago";

describe("what is kept", () => {
  test("nothing, unless it is asked for", async () => {
    const { comparisons } = await check();
    expect(comparisons).toEqual([]);
    expect(await database.connection.listCollections()).toEqual([]);
  });

  needs("clusterMonitoring")("one document of a check, for five weeks", async () => {
    const days = 24 * 60 * minute;
    const reports = [];
    for (const age of [36, 34, 0])
      reports.push(await check({ keep: true, now: new Date(now.getTime() - age * days) }));
    const found = await kept().find().sort({ _id: 1 }).toArray();
    expect(found.map(({ at }) => (now.getTime() - at.getTime()) / days)).toEqual([34, 0]);
    const { facts, score } = reports[2] as HealthReport;
    expect(found[1]).toMatchObject({ score, figures: figuresOf(facts) });
    expect(found[1]?.figures.map(({ name }) => name)).toEqual(
      expect.arrayContaining(["pingMs", "connections"]),
    );
  });

  test("nothing by a clock that is ahead: by it all that is kept would be old", async () => {
    await check({ keep: true });
    const { keeping } = await check({ keep: true, now: new Date(Date.now() + 60 * 24 * 60 * minute) });
    expect(keeping).toMatchObject({ kept: false, code: "CLOCK_AHEAD" });
    expect(await kept().countDocuments()).toBe(1);
  });

  test("nothing without the privilege, which is named beside the whole report", async () => {
    const refusing = answeringWrites(database.connection, "org_db_health", {
      insertOne: () => Promise.reject(serverError(13, "not authorized to insert")),
    });
    const { keeping, ...report } = await check({ keep: true }, refusing);
    expect(keeping).toEqual({
      kept: false,
      code: "NOT_AUTHORIZED",
      reason: "Cannot keep the health report: not authorized to insert",
    });
    expect(Object.keys(report)).toEqual(Object.keys(await check()));
    expect((await check({ keep: true })).keeping).toEqual({ kept: true });
  });
});

describe("the hour of a week ago", () => {
  needs("clusterMonitoring")("is the report that is nearest to it", async () => {
    for (const minutes of [29, 4, -6, -29]) await keepBefore(minutes);
    const { facts, comparisons } = await check();
    expect(facts.weekAgo).toMatchObject({ value: { at: new Date(now.getTime() - week - 4 * minute) } });
    expect(comparisons.map(({ figure }) => figure)).toContain("connections");
  });

  test.each([31, -31, 24 * 60])("is not that of %d minutes before it", async (minutes) => {
    await keepBefore(minutes);
    const report = await check();
    expect(openQuestions(report)).toContain(noWeek);
    expect(report.comparisons).toEqual([]);
    // Time fixes it, and no privilege does.
    expect(report.facts.weekAgo).toMatchObject({ known: false, unsupported: true });
  });

  needs("clusterMonitoring")(
    "stays an open question where what was kept may not be read; all else is told",
    async () => {
      const refusing = answeringWrites(database.connection, "org_db_health", {
        find: () => {
          throw serverError(13, "not authorized to read");
        },
      });
      const report = await check({}, refusing);
      expect(openQuestions(report)).toContain(noWeek);
      expect(report).toMatchObject({ undecided: true, facts: { server: { known: true } } });
    },
  );

  test("had less than half of what there is now: it is found, with both figures", async () => {
    await database.connection.collection("things").insertOne({ a: 1 });
    await keepBefore(0);
    const figures: HealthFigure[] = [{ name: "dataBytes", collection: "things", value: 5_000_000 }];
    await kept().updateOne({}, { $set: { figures } });
    const things = Array.from({ length: 12 }, () => ({ filler: "x".repeat(1_000_000) }));
    await database.connection.collection("things").insertMany(things);
    const { findings } = await check();
    expect(findings.filter(({ code }) => code === "WEEK_GROWTH")).toMatchObject([
      {
        part: "storage",
        severity: "info",
        message: "More than 2 times as much as at this hour a week ago: data of things",
        evidence: expect.stringMatching(/^11\.\d MiB now, 4\.8 MiB at 2026-06-01T10:00:00\.000Z$/),
        command: "org-db storage",
      },
    ]);
    expect((await check({ thresholds: { weekGrowth: 3 } })).findings.map(({ code }) => code)).not.toContain(
      "WEEK_GROWTH",
    );
  });
});

describe("operations per second", () => {
  const perSecond = ({ facts: { server } }: HealthReport) =>
    server.known ? server.value.operationsPerSecond : undefined;

  needs("clusterMonitoring")(
    "are told since the check before, in this process or kept by another",
    async () => {
      const first = await check({ keep: true });
      expect(perSecond(first)).toBeUndefined();
      for (let query = 0; query < 50; query++) await database.connection.collection("things").findOne();
      const later = new Date(now.getTime() + 5 * minute);
      expect(perSecond(await check({ now: later, previous: first }))).toBeGreaterThan(0);
      expect(perSecond(await check({ now: later }))).toBeGreaterThan(0);
      expect(perSecond(await check({ now: new Date(now.getTime() + 61 * minute) }))).toBeUndefined();
    },
  );

  const status = (upMs: number, query: number, startedAt = 0) => ({
    uptimeMillis: upMs,
    localTime: new Date(startedAt + upMs),
    opcounters: { insert: 1, query, update: 2, delete: 3, command: 999, getmore: 999 },
  });
  const { counted } = serverFactsOf(status(10_000, 100));

  test.each<[string, Document, number | undefined]>([
    ["of the same server", status(15_000, 200), 20],
    ["of one whose clock was corrected", status(15_000, 200, 1_500), 20],
    ["of one that was started again", status(15_000, 200, 3_600_000), undefined],
    ["of one that says nothing", {}, undefined],
    ["at the same moment", status(10_000, 100), undefined],
  ])("%s", (_what, later, expected) => {
    expect(serverFactsOf(later, counted).operationsPerSecond).toBe(expected);
  });
});

describe("a figure", () => {
  const unknown = { known: false, reason: "x" } as const;
  const collection = (name: string, dataBytes: number): CollectionFacts => ({
    collection: name,
    exists: true,
    documents: 1,
    dataBytes,
    storageBytes: 1,
    indexBytes: 1,
  });

  /** Facts with these figures, and what was kept of the others a week ago. */
  function factsOf(figures: Partial<Record<FigureName, number>>, before: readonly HealthFigure[]) {
    const { pingMs, processorUsedRatio, slowOperations, dataBytes, indexBytes, queuedOperations } = figures;
    const { connections = 0, operationsPerSecond, cacheUsedRatio, cacheDirtyRatio } = figures;
    const told = { operationsPerSecond, cacheUsedRatio, cacheDirtyRatio, queued: queuedOperations };
    const given = Object.fromEntries(Object.entries(told).filter(([, value]) => value !== undefined));
    const known = <T>(value: T) => ({ known: true, value }) as const;
    const sizes = { ...collection("a", dataBytes ?? 0), indexBytes: indexBytes ?? 0 };
    return {
      connection: pingMs === undefined ? unknown : known({ pingP50Ms: pingMs, pingP95Ms: pingMs }),
      server: known({ connections, uptimeSeconds: 1, ...given }),
      processor: processorUsedRatio === undefined ? unknown : known({ usedRatio: processorUsedRatio }),
      ...(slowOperations !== undefined && { slowInHour: slowOperations }),
      collections: known([sizes]),
      weekAgo: known({ _id: "x", at: new Date(0), score: 90, figures: before }),
    } as unknown as HealthFacts;
  }

  const found = (name: FigureName, value: number, then: number) => {
    const sized = name === "dataBytes" || name === "indexBytes" ? { collection: "a" } : {};
    const facts = factsOf({ [name]: value }, [{ name, value: then, ...sized }]);
    const judged = { ...facts, comparisons: compareFigures(facts) };
    const rules = serverRules.filter(({ code }) => code === "WEEK_GROWTH");
    return applyRules(rules, judged, parseThresholds(undefined)).map(
      ({ part, severity }) => `${part} ${severity}`,
    );
  };

  test.each<[FigureName, number, number, number, string]>([
    ["pingMs", 5, 2.4, 4.9, "connection warning"],
    ["connections", 20, 9, 19, "operations info"],
    ["operationsPerSecond", 20, 9, 19, "operations info"],
    ["slowOperations", 10, 4, 9, "operations warning"],
    ["queuedOperations", 10, 0, 9, "operations warning"],
    ["processorUsedRatio", 0.3, 0.1, 0.29, "operations warning"],
    ["cacheUsedRatio", 0.3, 0.1, 0.29, "operations info"],
    ["cacheDirtyRatio", 0.05, 0.01, 0.04, "operations warning"],
    ["dataBytes", 10_000_000, 4_000_000, 9_999_999, "storage info"],
    ["indexBytes", 10_000_000, 4_000_000, 9_999_999, "storage info"],
  ])("%s of %d is found where it was %d, and one of %d is small", (name, value, then, small, expected) => {
    expect(found(name, value, then)).toEqual([expected]);
    expect(found(name, value, value / 2)).toEqual([]);
    expect(found(name, small, 0)).toEqual([]);
  });

  test("is compared with that of the same collection, and where both are known", () => {
    const facts = factsOf({ connections: 3, dataBytes: 7, indexBytes: 8 }, [
      { name: "dataBytes", collection: "b", value: 1 },
      { name: "indexBytes", collection: "a", value: 4 },
      { name: "pingMs", value: 1 },
      { name: "connections", value: 2 },
    ]);
    expect(compareFigures(facts)).toEqual([
      { figure: "connections", label: "connections", unit: "count", now: 3, weekAgo: 2 },
      { figure: "indexBytes", collection: "a", label: "indexes of a", unit: "bytes", now: 8, weekAgo: 4 },
    ]);
    expect(compareFigures({ ...facts, weekAgo: unknown })).toEqual([]);
  });

  test("of a collection is kept for the fifty largest", () => {
    const many = Array.from({ length: 60 }, (_, n) => collection(`c${n}`, n));
    const facts = { ...factsOf({}, []), collections: { known: true, value: many } } as HealthFacts;
    const sized = figuresOf(facts).filter(({ name }) => name === "dataBytes");
    expect(sized).toHaveLength(50);
    expect(Math.min(...sized.map(({ value }) => value))).toBe(10);
  });
});

needs("profiler")("slow operations are those of the last hour", async () => {
  const db = database.connection.db!;
  await db.collection("things").insertOne({ a: 1 });
  await db.command({ profile: 2, slowms: 0 });
  for (let query = 0; query < 7; query++) await db.collection("things").find({ a: 1 }).toArray();
  await db.command({ profile: 1, slowms: 100_000 });
  const thresholds = { slowOperationMs: 0 };
  const slowAt = async (at: Date) => (await check({ now: at, thresholds })).facts.slowInHour;
  expect(await slowAt(new Date())).toBeGreaterThanOrEqual(7);
  expect(await slowAt(new Date(Date.now() + 61 * minute))).toBe(0);
  await db.command({ profile: 0 });
  expect(await slowAt(new Date())).toBeUndefined();
});
