import { type IdentityDatabase, type NamedQuery, retentionRules, sampleQueries } from "@org/db-models";
import {
  type CleanupReport,
  checkHealth,
  DatabaseInitializer,
  type HealthReport,
  runCleanup,
  type WorkloadReport,
} from "@org/db-optimizer";
import { analysePerformance } from "@org/db-optimizer/workload";
import { type LoadResult, loadIdentityData } from "@org/dev-kit/identity-data";
import type { Model } from "mongoose";
import { demonstrateMigration, type MigrationResult } from "./migration.js";
import { pace } from "./pace.js";
import type { Screen } from "./screen.js";
import { type UsualGives, usualGives, usualIndexes, withIndexes } from "./usual-indexes.js";

export interface DemoOptions {
  users: number;
  sessions: number;
  seed: number;
  /** The moment that the data is as of, and that retention counts from. */
  now: Date;
  signal: AbortSignal;
}

/** One named query: with only the indexes on `_id`, with those that applications usually have, and with all of ours. */
export interface QueryComparison {
  name: string;
  collection: string;
  before: QueryFigures;
  usual: QueryFigures;
  after: QueryFigures;
  /** How many times faster it is with ours. */
  speedup: { overBefore: number; overUsual: number };
  usualGives: UsualGives;
}

/** Expired documents that are gone. */
export interface Removed {
  byCleanup: number;
  /** Setup made the TTL indexes: a server whose monitor is not held takes some of them first. */
  byTtlMonitor: number;
}

interface QueryFigures {
  /** Median latency as the application sees it, ms. */
  p50: number;
  examinedPerReturned: number;
  scans: boolean;
  sortsInMemory: boolean;
  index: string;
}

/** How much lower latency became: over the sum of all queries' medians, and at the median query; 0 to 1. */
interface LatencyReduction {
  total: number;
  median: number;
}

/** Everything that the demo measured. */
export interface DemoResult {
  engine: string;
  options: { users: number; sessions: number; seed: number };
  load: LoadResult;
  setup: { elapsedMs: number; indexes: number; secondRunChanged: boolean };
  queries: QueryComparison[];
  usualIndexes: number;
  /** Share of the named queries that an index serves. */
  indexHitRatio: { before: number; usual: number; after: number };
  latencyReduction: { overBefore: LatencyReduction; overUsual: LatencyReduction };
  cleanup: CleanupReport;
  removed: Removed;
  health: { before: HealthReport; after: HealthReport };
  migration: MigrationResult;
}

const slowRounds = 3;
const fastRounds = 15;

/** The main job from end to end, on the given empty database. Stops between two steps when the signal says so. */
export async function runDemo(
  database: IdentityDatabase,
  engine: string,
  options: DemoOptions,
  screen: Screen,
): Promise<DemoResult> {
  const { connection, models } = database;
  const all = Object.values(models) as Model<unknown>[];
  const load = await loadData(database, options, screen);
  const queries = Object.values(await sampleQueries(models, options.now)) as NamedQuery[];

  const analyse = async (title: string, rounds: number): Promise<WorkloadReport> => {
    const step = screen.step(title);
    const onProgress = ({ done, total }: { done: number; total: number }) =>
      step.progress(done, total, "queries");
    const report = await analysePerformance(connection, all, queries, {
      rounds,
      onProgress,
      signal: options.signal,
    });
    step.done(`${Math.round(report.indexHitRatio * 100)} % of ${queries.length} queries use an index`);
    return report;
  };

  const before = await analyse("timing every named query with only _id indexes", slowRounds);
  const healthBefore = await checkHealth(connection, all, { now: new Date() });
  const indexes = usualIndexes(queries);
  const usual = await withIndexes(connection, indexes, () =>
    analyse(`timing them with the ${indexes.length} indexes that applications usually have`, slowRounds),
  );
  const setup = await setUp(database, options, screen);
  const after = await analyse("timing them with ours", fastRounds);
  const { cleanup, removed } = await cleanUp(database, load, queries, options, screen);
  const healthAfter = await checkHealth(connection, all, { now: new Date() });
  const migration = await demonstrateMigration(connection, options, screen);

  const comparisons = compareQueries(before, usual, after);
  return {
    engine,
    options: { users: options.users, sessions: options.sessions, seed: options.seed },
    load,
    setup,
    queries: comparisons,
    usualIndexes: indexes.length,
    indexHitRatio: {
      before: before.indexHitRatio,
      usual: usual.indexHitRatio,
      after: after.indexHitRatio,
    },
    latencyReduction: {
      overBefore: latencyReduction(comparisons, "before"),
      overUsual: latencyReduction(comparisons, "usual"),
    },
    cleanup,
    removed,
    health: { before: healthBefore, after: healthAfter },
    migration,
  };
}

async function loadData(
  database: IdentityDatabase,
  options: DemoOptions,
  screen: Screen,
): Promise<LoadResult> {
  const step = screen.step(`loading ${options.users} users with ${options.sessions} sessions`);
  const { db } = database.connection;
  if (!db) throw new Error("the connection is closed");
  const load = await loadIdentityData(db, {
    ...options,
    onProgress: ({ written }, expected) => step.progress(written, expected, "documents"),
  });
  options.signal.throwIfAborted();
  step.done(`${load.written} documents, ${Math.round(load.rate)} a second`);
  return load;
}

async function setUp(
  database: IdentityDatabase,
  options: DemoOptions,
  screen: Screen,
): Promise<DemoResult["setup"]> {
  const step = screen.step("setting up: collections, validators, indexes");
  const initializer = new DatabaseInitializer(
    database.connection,
    Object.values(database.models) as Model<unknown>[],
  );
  const started = performance.now();
  const first = await initializer.initialize({
    // Expired data stays for the cleanup to remove.
    allowExpiry: true,
    signal: options.signal,
    onProgress: ({ position, total }) => step.progress(position, total, "indexes"),
  });
  const elapsedMs = performance.now() - started;
  const [failure] = first.failures;
  if (failure) throw failure;
  const second = await initializer.initialize();
  step.done(
    `${first.indexes.length} indexes; a second run changed ${second.changed ? "something" : "nothing"}`,
  );
  return { elapsedMs, indexes: first.indexes.length, secondRunChanged: second.changed };
}

async function cleanUp(
  database: IdentityDatabase,
  load: LoadResult,
  queries: readonly NamedQuery[],
  options: DemoOptions,
  screen: Screen,
): Promise<Pick<DemoResult, "cleanup" | "removed">> {
  const step = screen.step("cleaning up expired documents");
  const hot = queries.filter(({ name }) => ["sessionById", "userByEmail", "slotsOfUser"].includes(name));
  const cleanup = await runCleanup(database.connection, retentionRules, {
    now: options.now,
    run: true,
    queries: hot,
    limits: pace,
    signal: options.signal,
    onProgress: ({ done, total, collection }) => {
      if (total !== null) step.progress(done, total, `of ${collection}`);
    },
  });
  options.signal.throwIfAborted();
  const removed = await removedSince(load, cleanup, database);
  step.done(`${removed.byCleanup} documents removed`);
  return { cleanup, removed };
}

async function removedSince(
  { collections }: LoadResult,
  { rules }: CleanupReport,
  { connection }: IdentityDatabase,
): Promise<Removed> {
  const byCleanup = rules.reduce((sum, rule) => sum + rule.deleted, 0);
  const gone = rules.map(
    async ({ collection }) =>
      (collections[collection] ?? 0) - (await connection.collection(collection).countDocuments()),
  );
  const inAll = (await Promise.all(gone)).reduce((sum, documents) => sum + documents, 0);
  return { byCleanup, byTtlMonitor: inAll - byCleanup };
}

function compareQueries(none: WorkloadReport, some: WorkloadReport, all: WorkloadReport): QueryComparison[] {
  return none.queries.map((slow, position) => {
    const [middle, fast] = [some.queries[position], all.queries[position]];
    if (!middle || !fast) throw new Error("the analyses are of different queries");
    const [before, usual, after] = [figuresOf(slow), figuresOf(middle), figuresOf(fast)];
    const { name, collection } = slow.query;
    const speedup = { overBefore: before.p50 / after.p50, overUsual: usual.p50 / after.p50 };
    return { name, collection, before, usual, after, speedup, usualGives: usualGives(usual, after) };
  });
}

function figuresOf({ plan, latency, examinedPerReturned }: WorkloadReport["queries"][number]): QueryFigures {
  const { collectionScan: scans, blockingSort: sortsInMemory } = plan;
  const index = scans ? "none: scans" : plan.indexes.join(", ");
  return { p50: latency.p50 ?? Number.NaN, examinedPerReturned, scans, sortsInMemory, index };
}

function latencyReduction(queries: readonly QueryComparison[], over: "before" | "usual"): LatencyReduction {
  const sum = (which: "before" | "usual" | "after") =>
    queries.reduce((total, query) => total + query[which].p50, 0);
  const reductions = queries.map((query) => 1 - query.after.p50 / query[over].p50).sort((a, b) => a - b);
  return {
    total: 1 - sum("after") / sum(over),
    median: reductions[Math.floor(reductions.length / 2)] ?? 0,
  };
}
