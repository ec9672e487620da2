import { defineModels, MigratingSessions, sessionsMigration } from "@org/db-models";
import { type ControllerLimits, MigrationGate, migrateUp, type UpTo } from "@org/db-optimizer";
import { loadIdentityData } from "@org/dev-kit/identity-data";
import type { Connection, Model, mongo } from "mongoose";
import { quantile } from "./measure.js";

export interface BackfillBenchmark {
  /** Documents per second of the backfill without pauses over those of a raw cursor-to-bulkWrite copy. */
  ratio: { median: number; low: number; high: number };
  backfillRate: number;
  rawRate: number;
  /** p99 of the application's session check in ms: nothing else going on, and during a backfill at its default throttle. */
  foreground: { idle: number; during: number; ratio: number; checks: number };
  /** Highest resident memory of this process during the backfill, less that before, in MB. */
  memoryGrowthMb: number;
}

const migration = sessionsMigration({ phaseLeaseMs: 10 });
const unthrottled: Partial<ControllerLimits> = { niceRatio: 0 };

/** The backfill of embedded sessions against the barest copy of the same documents into the same indexes. */
export async function benchmarkBackfill(
  connection: Connection,
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
  for (let round = 0; round < rounds; round++) {
    await emptyTarget(connection);
    rates.raw.push(await rawRate(db, now));
    await emptyTarget(connection);
    const { rate, growthMb } = await backfillRate(connection, now);
    rates.backfill.push(rate);
    memoryGrowthMb = Math.max(memoryGrowthMb, growthMb);
  }
  const ratios = rates.backfill.map((rate, round) => rate / (rates.raw[round] as number));
  return {
    ratio: { median: quantile(ratios, 0.5), low: Math.min(...ratios), high: Math.max(...ratios) },
    backfillRate: quantile(rates.backfill, 0.5),
    rawRate: quantile(rates.raw, 0.5),
    foreground: await foreground(connection, now),
    memoryGrowthMb,
  };
}

async function emptyTarget(connection: Connection): Promise<void> {
  for (const name of [...migration.targets, "org_db_migrations"]) await connection.collection(name).drop();
  const { User, UserSession } = defineModels(connection);
  for (const model of [User, UserSession] as unknown as Model<unknown>[]) await model.createIndexes();
}

async function rawRate(db: mongo.Db, now: Date): Promise<number> {
  const started = performance.now();
  let copied = 0;
  const batches = new Map<string, mongo.AnyBulkWriteOperation[]>();
  const flush = async (name: string) => {
    const operations = batches.get(name) ?? [];
    batches.delete(name);
    if (operations.length > 0) await db.collection(name).bulkWrite(operations, { ordered: false });
    copied += operations.length;
  };
  for await (const user of db.collection("legacy_users").find({}, { batchSize: 500 })) {
    for (const { collection, document, onInsert, claim } of migration.expand(user, now)) {
      const { _id, ...set } = document;
      const update = { $set: set, $setOnInsert: { ...onInsert, ...claim } };
      const operations = batches.get(collection) ?? [];
      batches.set(collection, operations);
      operations.push({ updateOne: { filter: { _id } as never, update, upsert: true } });
      if (operations.length === 2_000) await flush(collection);
    }
  }
  for (const name of [...batches.keys()]) await flush(name);
  return copied / ((performance.now() - started) / 1_000);
}

async function backfillRate(connection: Connection, now: Date): Promise<{ rate: number; growthMb: number }> {
  await up(connection, now, "expand", unthrottled);
  globalThis.gc?.();
  const before = process.memoryUsage.rss();
  let highest = before;
  const started = performance.now();
  const { written } = await up(connection, now, "backfill", unthrottled, () => {
    highest = Math.max(highest, process.memoryUsage.rss());
  });
  const rate = written / ((performance.now() - started) / 1_000);
  return { rate, growthMb: (highest - before) / 1_048_576 };
}

async function foreground(connection: Connection, now: Date): Promise<BackfillBenchmark["foreground"]> {
  await emptyTarget(connection);
  await up(connection, now, "expand", {});
  const sessions = new MigratingSessions(defineModels(connection), new MigrationGate(connection, migration));
  const tokens = await someTokens(connection, 500);
  const check = async (index: number) => {
    const started = performance.now();
    await sessions.validate(tokens[index % tokens.length], now, {
      touchIntervalMs: Number.POSITIVE_INFINITY,
    });
    return performance.now() - started;
  };
  const idle: number[] = [];
  for (let index = 0; index < 3_000; index++) idle.push(await check(index));
  const during: number[] = [];
  let over = false;
  const backfilling = up(connection, now, "backfill", {}).finally(() => {
    over = true;
  });
  for (let index = 0; !over; index++) during.push(await check(index));
  await backfilling;
  const [a, b] = [quantile(idle, 0.99), quantile(during, 0.99)];
  return { idle: a, during: b, ratio: b / a, checks: during.length };
}

async function someTokens(connection: Connection, count: number): Promise<string[]> {
  const users = await connection.collection("legacy_users").find({}).limit(count).toArray();
  return users.flatMap(({ sessions }) => (sessions[0] ? [sessions[0].token as string] : []));
}

function up(
  connection: Connection,
  now: Date,
  to: UpTo,
  limits: Partial<ControllerLimits>,
  onProgress: () => void = () => undefined,
) {
  return migrateUp(connection, migration, { now: () => now, limits, onProgress }, to);
}

export function readableBackfill(found: BackfillBenchmark): string[] {
  const { ratio, backfillRate, rawRate, foreground, memoryGrowthMb } = found;
  return [
    `backfill: ${ratio.median.toFixed(2)} of a raw copy (${ratio.low.toFixed(2)} to ${ratio.high.toFixed(2)}), ` +
      `${Math.round(backfillRate)} against ${Math.round(rawRate)} documents/s; memory grew by ${memoryGrowthMb.toFixed(0)} MB`,
    `session checks at the default throttle: p99 ${foreground.during.toFixed(2)} ms, ` +
      `${foreground.ratio.toFixed(2)} times idle (${foreground.idle.toFixed(2)} ms), of ${foreground.checks}`,
  ];
}
