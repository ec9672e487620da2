import {
  defineModels,
  type LegacyUser,
  MigratingSessions,
  retentionRules,
  sessionsMigration,
} from "@org/db-models";
import {
  contractMigration,
  DatabaseInitializer,
  MigrationGate,
  migrateUp,
  runCleanup,
  type VerifyReport,
} from "@org/db-optimizer";
import { loadIdentityData } from "@org/dev-kit/identity-data";
import type { Connection, Model } from "mongoose";
import type { DemoOptions } from "./demo.js";
import type { Screen } from "./screen.js";

/** What a session operation takes, median in ms: embedded as loaded, embedded with an index on the token, and migrated. */
interface OperationComparison {
  operation: string;
  embedded: number;
  embeddedIndexed: number;
  migrated: number;
}

/** What moving embedded sessions to `user_sessions` came to. */
export interface MigrationResult {
  users: number;
  sessions: number;
  /** Sessions of the user at the 99th percentile, on whom the operations are timed. */
  sessionsOfUser: number;
  operations: OperationComparison[];
  elapsedMs: number;
  verification: VerifyReport;
  /** Calls that the application made while its data moved, and how many of them failed. */
  traffic: { calls: number; failed: number };
  /** Data and index bytes: of the old layout, and of both after contract and cleanup. */
  bytes: { before: number; after: number };
}

const share = 10;
const rounds = 40;

/** Loads a tenth of the data in the old layout into a database of its own, and migrates it under live traffic. */
export async function demonstrateMigration(
  connection: Connection,
  options: DemoOptions,
  screen: Screen,
): Promise<MigrationResult> {
  const own = connection.useDb(`${connection.name}_old`);
  try {
    return await migrateIn(own, options, screen);
  } finally {
    await own.dropDatabase();
  }
}

async function migrateIn(
  connection: Connection,
  options: DemoOptions,
  screen: Screen,
): Promise<MigrationResult> {
  const { db } = connection;
  if (!db) throw new Error("the connection is closed");
  const { now, signal } = options;
  const step = screen.step("migrating embedded sessions under live traffic");
  const models = defineModels(connection);
  const size = { users: Math.ceil(options.users / share), sessions: Math.ceil(options.sessions / share) };
  await loadIdentityData(db, { ...size, seed: options.seed, now, signal, layout: "legacy" });
  signal.throwIfAborted();
  const migration = sessionsMigration({ phaseLeaseMs: 200, retentionMs: 0 });
  const sessions = new MigratingSessions(models, new MigrationGate(connection, migration));
  const user = await userAtPercentile(connection, 0.99);
  const before = await bytesOf(connection, ["legacy_users"]);
  const embedded = await timeOperations(sessions, user, now);
  await connection.collection("legacy_users").createIndex({ "sessions.token": 1 });
  const embeddedIndexed = await timeOperations(sessions, user, now);
  const initialized = await new DatabaseInitializer(connection, [
    models.User,
    models.UserSession,
  ] as unknown as Model<unknown>[]).initialize({ signal });
  const [failure] = initialized.failures;
  if (failure) throw failure;
  const started = performance.now();
  const traffic = startTraffic(sessions, user, now);
  const { verification } = await migrateUp(connection, migration, {
    now: () => now,
    signal,
    onProgress: ({ phase, done, total }) => step.progress(done, total, `users, ${phase}`),
  }).finally(traffic.stop);
  if (!verification) throw new Error("nothing was verified");
  const elapsedMs = performance.now() - started;
  await contractMigration(connection, migration, { now: () => new Date(now.getTime() + 1), signal });
  const rules = retentionRules.filter(({ collection }) => migration.targets.includes(collection));
  await runCleanup(connection, rules, { now, run: true, signal });
  const migrated = await timeOperations(sessions, user, now);
  step.done(`${verification.expected} documents, ${verification.mismatched} of them amiss`);
  return {
    ...size,
    sessionsOfUser: user.sessions.length,
    operations: Object.entries(embedded).map(([operation, time]) => ({
      operation,
      embedded: time,
      embeddedIndexed: embeddedIndexed[operation as Operation],
      migrated: migrated[operation as Operation],
    })),
    elapsedMs,
    verification,
    traffic: await traffic.result,
    bytes: { before, after: await bytesOf(connection, ["legacy_users", ...migration.targets]) },
  };
}

async function userAtPercentile(connection: Connection, fraction: number): Promise<LegacyUser> {
  const counted = await connection
    .collection("legacy_users")
    .aggregate([{ $project: { count: { $size: "$sessions" } } }, { $sort: { count: 1, _id: 1 } }])
    .toArray();
  const chosen = counted[Math.min(Math.floor(counted.length * fraction), counted.length - 1)];
  const user = await connection.collection("legacy_users").findOne({ _id: chosen?._id });
  if (!user) throw new Error("there are no users");
  return user as unknown as LegacyUser;
}

type Operation = "validate" | "list" | "open" | "revoke";

async function timeOperations(
  sessions: MigratingSessions,
  { _id: userId }: LegacyUser,
  now: Date,
): Promise<Record<Operation, number>> {
  const times: Record<Operation, number[]> = { validate: [], list: [], open: [], revoke: [] };
  const time = async <T>(operation: Operation, act: () => Promise<T>): Promise<T> => {
    const started = performance.now();
    const result = await act();
    times[operation].push(performance.now() - started);
    return result;
  };
  for (let round = 0; round < rounds; round++) {
    const { id, token } = await time("open", () => sessions.open({ userId }, now));
    await time("validate", () => sessions.validate(token, now));
    await time("list", () => sessions.list(userId, now));
    await time("revoke", () => sessions.revoke({ userId, sessionId: id }, now));
  }
  const median = (values: number[]) =>
    values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
  return {
    validate: median(times.validate),
    list: median(times.list),
    open: median(times.open),
    revoke: median(times.revoke),
  };
}

function startTraffic(sessions: MigratingSessions, { _id: userId }: LegacyUser, now: Date) {
  let [stopping, calls, failed] = [false, 0, 0];
  const result = (async () => {
    while (!stopping) {
      const { id, token } = await sessions.open({ userId }, now);
      const live = (await sessions.validate(token, now)).active;
      await sessions.revoke({ userId, sessionId: id }, now);
      const ended = !(await sessions.validate(token, now)).active;
      calls += 4;
      failed += (live ? 0 : 1) + (ended ? 0 : 1);
    }
    return { calls, failed };
  })();
  const stop = async () => {
    stopping = true;
    await result;
  };
  return { result, stop };
}

async function bytesOf(connection: Connection, names: readonly string[]): Promise<number> {
  let bytes = 0;
  for (const name of names) {
    const [found] = await connection
      .collection(name)
      .aggregate([{ $collStats: { storageStats: {} } }])
      .toArray();
    const { size = 0, totalIndexSize = 0 } = found?.storageStats ?? {};
    bytes += size + totalIndexSize;
  }
  return bytes;
}
