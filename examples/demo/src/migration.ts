import {
  createIdentity,
  type IdentityModels,
  type LegacyUser,
  type MigratingSessions,
  retentionRules,
  type SessionsMigration,
  sessionsMigration,
} from "@org/db-models";
import {
  contractMigration,
  DatabaseInitializer,
  MigrationGate,
  migrateUp,
  type ProgressReport,
  runCleanup,
  type VerifyReport,
} from "@org/db-optimizer";
import { loadIdentityData } from "@org/dev-kit/identity-data";
import type { Connection, Model } from "mongoose";
import type { DemoOptions } from "./demo.js";
import { pace } from "./pace.js";
import type { Screen, Step } from "./screen.js";
import { embeddedSessions, type OperationTimes, separateSessions, timeSessions } from "./session-services.js";

/** Result of migrating embedded sessions to `user_sessions`. */
export interface MigrationResult {
  users: number;
  sessions: number;
  /** Sessions of the user at the 99th percentile, on whom the operations are timed. */
  sessionsOfUser: number;
  times: {
    /** As loaded: an index on the address of users, none on the token of sessions. */
    embedded: OperationTimes;
    embeddedIndexed: OperationTimes;
    /** After reads are switched, while both layouts are written so that there is a way back. */
    bothWritten: OperationTimes;
    migrated: OperationTimes;
  };
  elapsedMs: number;
  verification: VerifyReport;
  /** Calls that the application made while its data moved, and how many of them had a wrong answer. */
  traffic: { calls: number; failed: number };
  bytes: SessionBytes;
}

/** Bytes that sessions take, users not counted, as the server accounts for them: without compression. */
interface SessionBytes {
  embedded: number;
  /** Of an index on the token, which the old layout was loaded without. */
  tokenIndex: number;
  /** Sessions that were within their retention, so that they were moved. */
  kept: number;
  data: number;
  indexes: number;
}

/** Users that are migrated at most, so that a larger demo does not take longer here. */
const mostUsers = 10_000;
const source = "legacy_users";
/** A year in which nobody dared to run the cleanup script. */
const uncleanedDays = 365;

/** Loads data in the old layout into a database of its own, and migrates it under live traffic. */
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
  const { now } = options;
  const size = await loadOldLayout(connection, options, screen);
  const { user, embedded, embeddedIndexed, ...old } = await timeOldLayout(connection, now, screen);
  const identity = createIdentity({ connection, clock: { now: () => now } });
  const { models } = identity;
  const migration = sessionsMigration({ phaseLeaseMs: 200, retentionMs: 0 });
  const sessions = identity.migrations.sessionsThrough(new MigrationGate(connection, migration));
  const moved = await migrate(connection, models, { migration, sessions, user }, options, screen);
  const step = screen.step("timing session operations of the new layout, and cleaning up");
  const bothWritten = await timeSessions(separateSessions(models, sessions), user.email, now, 40);
  await contractMigration(connection, migration, {
    now: () => new Date(now.getTime() + 1),
    signal: options.signal,
    limits: pace,
  });
  const direct = separateSessions(models, identity.sessions);
  const migrated = await timeSessions(direct, user.email, now, 40);
  // Sessions that the demo itself has opened are not the application's.
  await models.UserSession.deleteMany({ createdAt: now });
  const rules = retentionRules.filter(({ collection }) => migration.targets.includes(collection));
  await runCleanup(connection, rules, { now, run: true, signal: options.signal, limits: pace });
  const bytes = await sessionBytes(connection, old);
  step.done(`${bytes.kept} sessions kept of ${size.sessions}`);
  return {
    ...size,
    ...moved,
    sessionsOfUser: user.sessions.length,
    times: { embedded, embeddedIndexed, bothWritten, migrated },
    bytes,
  };
}

async function loadOldLayout(
  connection: Connection,
  { seed, now, signal, ...all }: DemoOptions,
  screen: Screen,
) {
  const users = Math.min(all.users, mostUsers);
  const sessions = Math.ceil((all.sessions * users) / all.users);
  const step = screen.step(`loading ${users} users with ${sessions} sessions embedded`);
  if (!connection.db) throw new Error("the connection is closed");
  await loadIdentityData(connection.db, {
    users,
    sessions,
    seed,
    now,
    signal,
    layout: "legacy",
    uncleanedDays,
  });
  signal.throwIfAborted();
  await connection.collection(source).createIndex({ email: 1 }, { unique: true });
  step.done("as an application has them after a year in which nothing cleaned up");
  return { users, sessions };
}

async function timeOldLayout(connection: Connection, now: Date, screen: Screen) {
  const step = screen.step("timing session operations of the old layout");
  const users = connection.collection(source);
  const user = await userAtPercentile(connection, 0.99);
  const before = await sizeOf(connection, source);
  const service = embeddedSessions(connection);
  const embedded = await timeSessions(service, user.email, now, 15);
  await users.createIndex({ "sessions.token": 1 });
  const embeddedIndexed = await timeSessions(service, user.email, now, 40);
  await users.replaceOne({ _id: user._id }, user);
  const tokenIndex = (await sizeOf(connection, source)).indexSizes["sessions.token_1"] ?? 0;
  step.done(`of a user with ${user.sessions.length} sessions`);
  return { user, embedded, embeddedIndexed, dataBefore: before.data, tokenIndex };
}

async function userAtPercentile(connection: Connection, fraction: number): Promise<LegacyUser> {
  const counted = await connection
    .collection(source)
    .aggregate([{ $project: { count: { $size: "$sessions" } } }, { $sort: { count: 1, _id: 1 } }])
    .toArray();
  const chosen = counted[Math.max(Math.ceil(counted.length * fraction) - 1, 0)];
  const user = await connection.collection(source).findOne({ _id: chosen?._id });
  if (!user) throw new Error("there are no users");
  return user as unknown as LegacyUser;
}

async function migrate(
  connection: Connection,
  models: IdentityModels,
  {
    migration,
    sessions,
    user,
  }: { migration: SessionsMigration; sessions: MigratingSessions; user: LegacyUser },
  { now, signal }: DemoOptions,
  screen: Screen,
): Promise<Pick<MigrationResult, "elapsedMs" | "verification" | "traffic">> {
  const targets = [models.User, models.UserSession] as unknown as Model<unknown>[];
  const { failures } = await new DatabaseInitializer(connection, targets).initialize({ signal });
  if (failures[0]) throw failures[0];
  const started = performance.now();
  const traffic = startTraffic(sessions, user);
  const { verification } = await migrateUp(connection, migration, {
    now: () => now,
    signal,
    limits: pace,
    onProgress: phaseSteps(screen),
  }).finally(traffic.stop);
  if (!verification) throw new Error("nothing was verified");
  return { elapsedMs: performance.now() - started, verification, traffic: await traffic.result };
}

/** A step for each walk through a collection, so that rate and time left are those of the walk. */
function phaseSteps(screen: Screen): (progress: ProgressReport) => void {
  let current: { name: string; step: Step; over: boolean } | undefined;
  return ({ step, done, total: counted }) => {
    const total = counted ?? done;
    const name = `migrating them under live traffic, phase ${step}`;
    const again = current?.over && done < total;
    if (current?.name !== name || again) current = { name, step: screen.step(name), over: false };
    if (done < total) current.step.progress(done, total, "documents");
    else if (!current.over) current.step.done(`${total} documents`);
    current.over ||= done >= total;
  };
}

function startTraffic(sessions: MigratingSessions, { _id: userId }: LegacyUser) {
  let [stopping, calls, failed] = [false, 0, 0];
  const result = (async () => {
    while (!stopping) {
      const { id, token } = await sessions.open({ userId });
      const live = (await sessions.validate(token)).ok;
      await sessions.revoke({ userId, sessionId: id });
      const ended = !(await sessions.validate(token)).ok;
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

/** After contract and cleanup: what is left of the old layout are its users. */
async function sessionBytes(
  connection: Connection,
  { dataBefore, tokenIndex }: { dataBefore: number; tokenIndex: number },
): Promise<SessionBytes> {
  const users = await sizeOf(connection, source);
  const { count, data, indexes } = await sizeOf(connection, "user_sessions");
  return { embedded: dataBefore - users.data, tokenIndex, kept: count, data, indexes };
}

async function sizeOf(connection: Connection, name: string) {
  const [found] = await connection
    .collection(name)
    .aggregate([{ $collStats: { storageStats: {} } }])
    .toArray();
  const { count = 0, size = 0, totalIndexSize = 0, indexSizes = {} } = found?.storageStats ?? {};
  return { count, data: size, indexes: totalIndexSize, indexSizes: indexSizes as Record<string, number> };
}
