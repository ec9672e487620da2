import { createIdentity, defineModels, sessionsMigration } from "@org/db-models";
import { MigrationGate, migrateUp, type PaceLimits, type UpTo } from "@org/db-optimizer";
import { loadIdentityData } from "@org/dev-kit/identity-data";
import type { Connection, Model, mongo } from "mongoose";
import { benchmarkForeground, type ForegroundBenchmark, readableForeground } from "./foreground.js";
import { quantile, type Range, rangeOf, rangeText } from "./measure.js";

export interface BackfillBenchmark {
  /** Documents per second of the backfill without pauses over those of a raw cursor-to-bulkWrite copy. */
  ratio: Range;
  backfillRate: number;
  rawRate: number;
  /** Documents of the new layout that each copy writes. */
  documents: number;
  /** The application's session check while a backfill runs at its default throttle. */
  foreground: ForegroundBenchmark;
  /** Highest resident memory of this process during the backfill, less that before, in MB. */
  memoryGrowthMb: number;
}

/** The migration of the benchmark. */
export const benchmarkMigration = sessionsMigration({ phaseLeaseMs: 10 });
const copyBatch = 2_000;
const unthrottled: Partial<PaceLimits> = { maxSlowdown: Number.POSITIVE_INFINITY };

/** The backfill of embedded sessions against the barest copy of the same documents into the same indexes. */
export async function benchmarkBackfill(
  connection: Connection,
  uri: string,
  size: { users: number; sessions: number },
  rounds = 3,
): Promise<BackfillBenchmark> {
  const { db } = connection;
  if (!db) throw new Error("the connection has no database");
  const now = new Date();
  await db.dropDatabase();
  await loadIdentityData(db, { ...size, seed: 1, now, layout: "legacy" });
  await db.collection("legacy_users").createIndex({ "sessions.token": 1 });
  const rates = { backfill: [] as number[], raw: [] as number[] };
  let memoryGrowthMb = 0;
  let documents = 0;
  for (let round = 0; round < rounds; round++) {
    await emptyTarget(connection);
    rates.raw.push(await rawRate(db, now));
    await emptyTarget(connection);
    const { rate, written, growthMb } = await backfillRate(connection, now);
    rates.backfill.push(rate);
    documents = written;
    memoryGrowthMb = Math.max(memoryGrowthMb, growthMb);
  }
  const ratios = rates.backfill.map((rate, round) => rate / (rates.raw[round] as number));
  return {
    ratio: rangeOf(ratios),
    backfillRate: quantile(rates.backfill, 0.5),
    rawRate: quantile(rates.raw, 0.5),
    documents,
    foreground: await benchmarkChecks(connection, uri, now),
    memoryGrowthMb,
  };
}

async function emptyTarget(connection: Connection): Promise<void> {
  for (const name of [...benchmarkMigration.targets, "org_db_migrations"])
    await connection.collection(name).drop();
  const { User, UserSession } = defineModels(connection);
  for (const model of [User, UserSession] as unknown as Model<unknown>[]) await model.createIndexes();
}

// The best that can be written by hand: a cursor, and inserts with the same guarantee.
async function rawRate(db: mongo.Db, now: Date): Promise<number> {
  const started = performance.now();
  let copied = 0;
  const batches = new Map<string, mongo.AnyBulkWriteOperation[]>();
  const flush = async (name: string) => {
    const operations = batches.get(name) ?? [];
    batches.delete(name);
    const options = { ordered: false, writeConcern: { w: "majority" } } as const;
    if (operations.length > 0) await db.collection(name).bulkWrite(operations, options);
    copied += operations.length;
  };
  for await (const user of db.collection("legacy_users").find({}, { batchSize: 500 })) {
    for (const { collection, document, onInsert, claim } of benchmarkMigration.expand(user, now)) {
      const operations = batches.get(collection) ?? [];
      batches.set(collection, operations);
      operations.push({ insertOne: { document: { ...document, ...onInsert, ...claim } } });
      if (operations.length === copyBatch) await flush(collection);
    }
  }
  for (const name of [...batches.keys()]) await flush(name);
  return copied / ((performance.now() - started) / 1_000);
}

async function backfillRate(
  connection: Connection,
  now: Date,
): Promise<{ rate: number; written: number; growthMb: number }> {
  await up(connection, now, "expand");
  globalThis.gc?.();
  const before = process.memoryUsage.rss();
  let highest = before;
  const started = performance.now();
  const { written } = await up(connection, now, "backfill", () => {
    highest = Math.max(highest, process.memoryUsage.rss());
  });
  const rate = written / ((performance.now() - started) / 1_000);
  return { rate, written, growthMb: (highest - before) / 1_048_576 };
}

async function benchmarkChecks(connection: Connection, uri: string, now: Date): Promise<ForegroundBenchmark> {
  const gate = new MigrationGate(connection, benchmarkMigration);
  const sessions = createIdentity({ connection }).migrations.sessionsThrough(gate);
  const tokens = await someTokens(connection, 500);
  const foreground = {
    prepare: async () => {
      await emptyTarget(connection);
      await up(connection, now, "expand");
    },
    call: (index: number) => sessions.validate(tokens[index % tokens.length], { touch: false }),
    script: new URL("./backfiller.ts", import.meta.url),
    uri,
    tidy: async () => void (await connection.collection("org_db_leases").deleteMany({})),
  };
  return benchmarkForeground(foreground, { rounds: 3, windows: 3 });
}

async function someTokens(connection: Connection, count: number): Promise<string[]> {
  const users = await connection.collection("legacy_users").find({}).limit(count).toArray();
  return users.flatMap(({ sessions }) => (sessions[0] ? [sessions[0].token as string] : []));
}

function up(connection: Connection, now: Date, to: UpTo, onProgress: () => void = () => undefined) {
  return migrateUp(connection, benchmarkMigration, { now: () => now, limits: unthrottled, onProgress }, to);
}

/** The figures for people. */
export function readableBackfill(found: BackfillBenchmark): string[] {
  const { ratio, backfillRate, rawRate, documents, foreground, memoryGrowthMb } = found;
  return [
    `backfill: ${rangeText(ratio)} of a raw copy of ${documents} documents, ` +
      `${Math.round(backfillRate)} against ${Math.round(rawRate)} documents/s; memory grew by ${memoryGrowthMb.toFixed(0)} MB`,
    `backfill: session checks p99 at the default throttle ${readableForeground(foreground, "users")}`,
  ];
}
