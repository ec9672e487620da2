import {
  contractMigration,
  MigrationGate,
  migrateUp,
  migrationStatus,
  rollbackMigration,
  verifyMigration,
} from "@org/db-optimizer";
import { bundleChild, startChild, type WaitingChild } from "@org/dev-kit/children";
import { loadIdentityData } from "@org/dev-kit/identity-data";
import { allNeed, useTemporaryDatabase } from "@org/dev-kit/vitest";
import type { Types } from "mongoose";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { sha256 } from "../src/core/secrets.js";
import {
  defineModels,
  type IdentityModels,
  type LegacySession,
  type LegacyUser,
  sessionsMigration,
} from "../src/index.js";
import { validateLegacySession } from "../src/migrations/legacy-tokens.js";
import { MigratingSessions } from "../src/migrations/migrating-sessions.js";
import { validateSession } from "../src/sessions/check/validate.js";
import { listSessions } from "../src/sessions/list.js";
import { openSession } from "../src/sessions/open.js";
import { contextAt } from "./context.js";
import { createIndexes } from "./database.js";
import { now } from "./moment.js";

// A migration waits for signals of the load that its user may not read.
allNeed("clusterMonitoring");

const temporary = useTemporaryDatabase({ label: "migrations" });
const phaseLeaseMs = 300;
const migration = sessionsMigration({ phaseLeaseMs: 50, retentionMs: 1_000 });
const options = { now: () => now, limits: { maxSlowdown: Number.POSITIVE_INFINITY } };
let models: IdentityModels;
let sessions: MigratingSessions;

const source = () => temporary.connection.collection("legacy_users");
const legacyUsers = async () =>
  (await source().find({}).sort({ _id: 1 }).toArray()) as unknown as LegacyUser[];
const migrated = () => models.UserSession.collection.find({}).sort({ _id: 1 }).toArray();

beforeAll(async () => {
  models = defineModels(temporary.connection);
  await createIndexes(models);
});

beforeEach(async () => {
  const { db } = temporary.connection;
  if (!db) throw new Error("the connection has no database");
  for (const name of ["legacy_users", "users", "user_sessions", "org_db_migrations", "org_db_leases"])
    await db.collection(name).deleteMany({});
  await loadIdentityData(db, { users: 60, sessions: 600, seed: 1, now, layout: "legacy" });
  await source().createIndex({ "sessions.token": 1 });
  sessions = new MigratingSessions(
    contextAt(models, now),
    new MigrationGate(temporary.connection, migration),
  );
});

/** Some live session of a user who has few, so that the cap takes none of them. */
async function someLive(): Promise<{ user: LegacyUser; session: LegacySession & { token: string } }> {
  for (const user of await legacyUsers()) {
    const live = user.sessions.filter(({ active, expiresAt }) => active && expiresAt > now);
    if (live[0]?.token && live.length < 5)
      return { user, session: live[0] as LegacySession & { token: string } };
  }
  throw new Error("nobody has few live sessions");
}

describe("embedded sessions", () => {
  it("are carried over, hash by hash, and the old layout is left as it was", async () => {
    const before = await legacyUsers();
    const report = await migrateUp(temporary.connection, migration, options);
    expect(report).toMatchObject({
      phase: "switched",
      verification: { clean: true, sources: 60, repaired: 0 },
    });
    expect(await legacyUsers()).toEqual(before);
    expect((await verifyMigration(temporary.connection, migration, options)).mismatches).toEqual([]);
    const status = await migrationStatus(temporary.connection, migration);
    const up = ["expand", "backfill", "verify", "switching", "switched"];
    expect(status.history.map(({ to }) => to)).toEqual(up);
    expect(status.history.every(({ by, fencing }) => by.includes("@") && fencing > 0)).toBe(true);
  });

  it("leave no raw token behind in the new layout, and every document as the schema wants it", async () => {
    await migrateUp(temporary.connection, migration, options);
    const tokens = new Set((await legacyUsers()).flatMap((user) => user.sessions.map(({ token }) => token)));
    const all = await migrated();
    expect(all.length).toBeGreaterThan(100);
    for (const document of all) {
      expect(Object.values(document).filter((value) => tokens.has(value as string))).toEqual([]);
      await new models.UserSession(document).validate();
    }
    for (const user of await models.User.collection.find({}).toArray())
      await new models.User(user).validate();
  });

  it("let old cookies in, under the cap: the newest of each user", async () => {
    const before = await legacyUsers();
    await migrateUp(temporary.connection, migration, options);
    let crowded = 0;
    for (const user of before) {
      const live = user.sessions
        .filter(({ active, expiresAt }) => active && expiresAt > now)
        .sort((a, b) => b.createdAt.getTime() - a.createdAt.getTime());
      crowded += live.length > 10 ? 1 : 0;
      for (const [rank, { token, _id }] of live.entries()) {
        const check = await sessions.validate(token);
        if (rank < 10) expect(check).toMatchObject({ ok: true, session: { id: _id, userId: user._id } });
        else expect(check).toEqual({ ok: false, reason: "idle_expired" });
      }
      expect(await listSessions(contextAt(models, now), { userId: user._id })).toHaveLength(
        Math.min(live.length, 10),
      );
    }
    expect(crowded).toBeGreaterThan(0);
  });

  it("end with contract, after the retention only; old cookies go on, and there is no way back", async () => {
    const { session } = await someLive();
    await migrateUp(temporary.connection, migration, options);
    const early = contractMigration(temporary.connection, migration, options);
    await expect(early).rejects.toMatchObject({ code: "MIGRATION_NOT_ALLOWED" });
    expect((await legacyUsers()).some((user) => user.sessions)).toBe(true);
    const later = { ...options, now: () => new Date(now.getTime() + 1_000) };
    const report = await contractMigration(temporary.connection, migration, later);
    expect(report).toMatchObject({ phase: "contracted", written: 60 });
    expect((await legacyUsers()).filter((user) => user.sessions)).toEqual([]);
    expect((await validateLegacySession(contextAt(models, now), session.token)).ok).toBe(true);
    expect((await sessions.validate(session.token)).ok).toBe(true);
    const back = rollbackMigration(temporary.connection, migration, later);
    await expect(back).rejects.toMatchObject({ code: "MIGRATION_NOT_ALLOWED" });
  });

  it.each([
    ["", "malformed"],
    ["g".repeat(64), "malformed"],
    ["0".repeat(64), "unknown"],
    [{ $ne: null }, "malformed"],
  ])("refuse %j", async (token, reason) => {
    await migrateUp(temporary.connection, migration, options);
    expect(await sessions.validate(token)).toEqual({ ok: false, reason });
    expect(await validateLegacySession(contextAt(models, now), token)).toEqual({ ok: false, reason });
    await rollbackMigration(temporary.connection, migration, options);
    expect(await sessions.validate(token)).toEqual({ ok: false, reason });
  });
});

describe("a write", () => {
  it("in each phase reaches what is read in every later one, on the way up and back", async () => {
    const { user } = await someLive();
    const userId = user._id;
    const opened: Array<{ id: Types.ObjectId; token: string }> = [];
    const ended: typeof opened = [];
    const use = async () => {
      for (const { token, id } of opened)
        expect(await sessions.validate(token)).toMatchObject({ ok: true, session: { id } });
      for (const { token } of ended) expect(await sessions.validate(token)).toMatchObject({ ok: false });
      const first = await sessions.open({ userId });
      await sessions.revoke({ userId, sessionId: first.id });
      ended.push(first);
      const previous = opened.pop();
      if (previous) {
        await sessions.revoke({ userId, sessionId: previous.id });
        ended.push(previous);
      }
      opened.push(await sessions.open({ userId, userAgent: "curl/8", ip: "203.0.113.9" }));
    };
    await use();
    for (const to of ["expand", "backfill", "verify", "switched"] as const) {
      await migrateUp(temporary.connection, migration, options, to);
      await use();
    }
    expect((await rollbackMigration(temporary.connection, migration, options)).changes).toEqual([
      "reverting",
      "expand",
      "off",
    ]);
    await use();
    await migrateUp(temporary.connection, migration, options);
    await use();
    expect((await verifyMigration(temporary.connection, migration, options)).mismatches).toEqual([]);
  });

  it("that died between its two halves is not lost when reads move: up, and back", async () => {
    const { user, session } = await someLive();
    await migrateUp(temporary.connection, migration, options, "verify");
    await source().updateOne(
      { _id: user._id, "sessions._id": session._id },
      { $set: { "sessions.$.active": false } },
    );
    await migrateUp(temporary.connection, migration, options);
    expect(await sessions.validate(session.token)).toEqual({ ok: false, reason: "revoked" });
    const fresh = await openSession(contextAt(models, now), { userId: user._id });
    await rollbackMigration(temporary.connection, migration, options);
    expect(await sessions.validate(fresh.token)).toMatchObject({
      ok: true,
      session: { id: fresh.id },
    });
    const inOld = (await legacyUsers())
      .flatMap((one) => one.sessions)
      .find(({ _id }) => _id.equals(fresh.id));
    expect(JSON.stringify(inOld)).not.toContain(fresh.token);
    expect(inOld).toMatchObject({ tokenHash: sha256(fresh.token), active: true });
  });

  it("to a session that ended during the backfill does not bring it back", async () => {
    const { user, session } = await someLive();
    await migrateUp(temporary.connection, migration, options, "expand");
    const stale = migration.expand((await source().findOne({ _id: user._id })) as never, now);
    await sessions.revoke({ userId: user._id, sessionId: session._id });
    await new MigrationGate(temporary.connection, migration).put(stale);
    const stored = await models.UserSession.findById(session._id).lean();
    expect(stored).toMatchObject({ revocationReason: "signed_out" });
    expect(stored).not.toHaveProperty("slot");
  });
});

describe("live traffic of three processes", () => {
  it("goes on through every phase, up, back and up again: nothing is lost, doubled or resurrected", async () => {
    const script = await bundleChild(new URL("./children/migration-traffic.ts", import.meta.url));
    const activeBefore = (await legacyUsers()).flatMap((user) =>
      user.sessions.filter(({ active }) => active).map(({ _id }) => _id.toHexString()),
    );
    const children = [1, 2, 3].map((seed) =>
      startChild(script, temporary.uri, String(seed), String(phaseLeaseMs)),
    );
    const slow = sessionsMigration({ phaseLeaseMs, retentionMs: 0 });
    // Many batches with rests between, for the traffic to come between; the rests are not for its reads' sake.
    const limits = {
      maxShare: 0.6,
      maxBatch: 40,
      maxSlowdown: Number.POSITIVE_INFINITY,
    };
    const small = { now: () => now, limits };
    await Promise.all(children.map((child) => child.hasPrinted("ready\n")));
    await someRounds(children);
    await migrateUp(temporary.connection, slow, small);
    await someRounds(children);
    await rollbackMigration(temporary.connection, slow, small);
    await someRounds(children);
    const report = await migrateUp(temporary.connection, slow, small);
    await someRounds(children);
    for (const child of children) child.tell("stop");
    await Promise.all(children.map(({ exited }) => exited));
    expect(report.verification).toMatchObject({ clean: true });
    expect(children.flatMap((child) => child.printed().match(/mixed up/g) ?? [])).toEqual([]);
    await expectNoMismatch(children, activeBefore);
  });
});

async function someRounds(children: readonly WaitingChild[]): Promise<void> {
  const rounds = (child: WaitingChild) => child.printed().match(/^round$/gm)?.length ?? 0;
  const wanted = children.map((child) => rounds(child) + 8);
  for (const [at, child] of children.entries())
    while (rounds(child) < (wanted[at] as number)) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** Acknowledged changes are in both layouts, once, and sessions that ended have ended in both. */
async function expectNoMismatch(
  children: readonly WaitingChild[],
  activeBefore: readonly string[],
): Promise<void> {
  expect((await verifyMigration(temporary.connection, migration, options)).mismatches).toEqual([]);
  const said = (what: string) =>
    children.flatMap((child) => [...child.printed().matchAll(new RegExp(`^${what} (.+)$`, "gm"))]);
  const opened = said("opened").map(([, text]) => (text ?? "").split(" ")[1] as string);
  const revoked = new Set(said("revoked").map(([, text]) => text as string));
  const inSource = (await legacyUsers()).flatMap((user) => user.sessions);
  const bySource = new Map(inSource.map((session) => [session._id.toHexString(), session]));
  const byTarget = new Map((await migrated()).map((session) => [session._id.toHexString(), session]));
  expect(bySource.size).toBe(inSource.length);
  expect(opened.length).toBeGreaterThan(10);
  expect(revoked.size).toBeGreaterThan(5);
  for (const id of opened) {
    expect(bySource.has(id)).toBe(true);
    expect(byTarget.has(id)).toBe(true);
  }
  for (const id of revoked) {
    expect(bySource.get(id)?.active).toBe(false);
    expect(byTarget.get(id) ?? {}).not.toHaveProperty("slot");
  }
  for (const { _id } of await legacyUsers()) {
    const holders = [...byTarget.values()].filter((one) => one.userId.equals(_id) && one.slot !== undefined);
    expect(holders.length).toBeLessThanOrEqual(10);
  }
  const evicted = (id: string) => byTarget.get(id)?.revocationReason === "evicted";
  for (const id of [...activeBefore, ...opened].filter((one) => !revoked.has(one) && !evicted(one))) {
    expect(bySource.get(id)?.active).toBe(true);
    expect(byTarget.get(id) ?? {}).not.toHaveProperty("revokedAt");
  }
}

it("a session of the new form is validated by both ways of a service", async () => {
  await migrateUp(temporary.connection, migration, options);
  const { user } = await someLive();
  const { token } = await sessions.open({ userId: user._id });
  expect(token).toMatch(/^ids_/);
  expect((await sessions.validate(token)).ok).toBe(true);
  expect((await validateSession(contextAt(models, now), token)).ok).toBe(true);
});
