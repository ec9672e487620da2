import { migrateUp, migrationStatus } from "@org/db-optimizer";
import { needs } from "@org/dev-kit/vitest";
import { mongo, Types } from "mongoose";
import { beforeEach, describe, expect, it } from "vitest";
import { defineUpgrades, sessionsMigration } from "../src/index.js";
import { expandSession } from "../src/migrations/expand.js";
import { faultOfSession, faultOfUser } from "../src/migrations/legacy-faults.js";
import { MigratingSessions } from "../src/migrations/migrating-sessions.js";
import type { LegacySession, LegacyUser } from "../src/migrations/types.js";
import { contextAt } from "./context.js";
import { useIdentityDatabase } from "./database.js";

// After public reports of migrations that one odd record ended, or that lost it without a word (scrinium #122, jellyfin
// #17856, cherry-studio #20372): dates as text or numbers, elements that are null, fields that are missing. Right is that
// the record is named and everybody else is carried over.

const now = new Date("2026-01-15T12:00:00Z");
const day = 86_400_000;

const session = (more: Record<string, unknown> = {}): LegacySession => ({
  _id: new Types.ObjectId(),
  token: new Types.ObjectId().toHexString().repeat(3).slice(0, 64),
  createdAt: now,
  lastActivity: now,
  expiresAt: new Date(now.getTime() + day),
  active: true,
  ...more,
});

const user = (sessions: unknown, more: Record<string, unknown> = {}): LegacyUser => {
  const _id = new Types.ObjectId();
  return {
    _id,
    email: `${_id}@example.com`,
    createdAt: now,
    updatedAt: now,
    sessions,
    ...more,
  } as LegacyUser;
};

const faults: readonly (readonly [what: string, odd: LegacyUser, reason: string])[] = [
  [
    "a date as text",
    user([session({ expiresAt: now.toISOString() })]),
    "sessions.0.expiresAt is of type string, expected date",
  ],
  [
    "a date as a number",
    user([session(), session({ lastActivity: 1 })]),
    "sessions.1.lastActivity is of type number, expected date",
  ],
  [
    "a date that is none",
    user([session({ createdAt: new Date(Number.NaN) })]),
    "sessions.0.createdAt is of type invalid date, expected date",
  ],
  [
    "a missing date",
    user([session({ expiresAt: undefined })]),
    "sessions.0.expiresAt is of type missing, expected date",
  ],
  [
    "a timestamp",
    user([session({ revokedAt: new mongo.Timestamp({ t: 1, i: 1 }) })]),
    "sessions.0.revokedAt is of type Timestamp, expected date",
  ],
  ["null for a session", user([null]), "sessions.0 is of type null, expected object"],
  ["a text for a session", user(["abc"]), "sessions.0 is of type string, expected object"],
  [
    "a number for a token",
    user([session({ token: 7 })]),
    "sessions.0.token is of type number, expected string",
  ],
  [
    "neither token nor hashes",
    user([session({ token: undefined })]),
    "sessions.0.handleHash is of type missing, expected Binary",
  ],
  [
    "text for active",
    user([session({ active: "false" })]),
    "sessions.0.active is of type string, expected boolean",
  ],
  ["no _id", user([session({ _id: undefined })]), "sessions.0._id is of type missing, expected ObjectId"],
  ["an object for sessions", user({ 0: session() }), "sessions is of type object, expected array"],
  ["no address", user([], { email: null }), "email is of type null, expected string"],
  [
    "a date of its own as text",
    user([], { updatedAt: "2026" }),
    "updatedAt is of type string, expected date",
  ],
  ["a number for a name", user([], { name: 7 }), "name is of type number, expected string"],
];

describe("a user of the old layout that cannot be carried over", () => {
  it.each(faults)("with %s is told by field and types", (_what, odd, reason) => {
    expect(() => sessionsMigration().expand(odd as never, now)).toThrow(reason);
  });

  it.each<[string, unknown]>([
    ["no sessions", user(undefined)],
    ["null for sessions", user(null)],
    [
      "null where nothing need be",
      user([session({ ip: null, userAgent: null, revokedAt: null, absoluteExpiresAt: null })], {
        name: null,
      }),
    ],
  ])("but not with %s", (_what, fine) => {
    expect(faultOfUser(fine as LegacyUser)).toBeUndefined();
    const [first, ...rest] = sessionsMigration().expand(fine as never, now);
    expect(Object.values(first?.document ?? {})).not.toContain(null);
    for (const { document } of rest) expect(Object.values(document)).not.toContain(null);
  });

  it("has no value of the record in what is told, as it may be a secret", () => {
    const odd = session({ token: undefined, handleHash: { raw: "secret" } });
    expect(faultOfSession(odd)).toBe("handleHash is of type object, expected Binary");
    expect(expandSession(new Types.ObjectId(), session()).document).not.toHaveProperty("token");
  });
});

describe("a migration over odd users", () => {
  const database = useIdentityDatabase();
  const options = { now: () => now, limits: { maxSlowdown: Number.POSITIVE_INFINITY } };

  beforeEach(async () => {
    for (const name of ["legacy_users", "users", "user_sessions", "org_db_migrations", "org_db_leases"])
      await database().connection.collection(name).deleteMany({});
  });

  // A migration waits for signals of the load that its user may not read.
  const test = needs("clusterMonitoring");
  test("names each of them, copies the others, and continues when they are fixed", async () => {
    const sound = [user([session()]), user([session(), session()]), user([])];
    // BSON has no invalid date: the driver writes another one.
    const odd = faults.filter(([what]) => what !== "a date that is none").map(([, one]) => one);
    await database()
      .connection.collection("legacy_users")
      .insertMany([...sound, ...odd] as never[], {
        ignoreUndefined: true,
      });
    const migration = sessionsMigration({ phaseLeaseMs: 5 });
    const refused = await migrateUp(database().connection, migration, options).catch((error) => error);
    expect(refused).toMatchObject({ code: "MIGRATION_MISMATCH" });
    const named = refused.details.mismatches.map(
      ({ kind, id }: { kind: string; id: unknown }) => `${kind} ${id}`,
    );
    expect(named.sort()).toEqual(odd.map(({ _id }) => `unreadable ${_id}`).sort());
    expect(refused.message).toContain("expected");
    const users = await database().connection.collection("users").find({}).toArray();
    expect(users.map(({ _id }) => String(_id)).sort()).toEqual(sound.map(({ _id }) => String(_id)).sort());
    expect(await database().connection.collection("user_sessions").countDocuments({})).toBe(3);
    expect((await migrationStatus(database().connection, migration)).phase).toBe("verify");
    const oddIds = odd.map(({ _id }) => _id);
    await database()
      .connection.collection("legacy_users")
      .deleteMany({ _id: { $in: oddIds } } as object);
    expect(await migrateUp(database().connection, migration, options)).toMatchObject({ phase: "switched" });
  });

  it("keeps nobody in by a session that cannot be read, and lists the others", async () => {
    const [odd, fine] = [session({ expiresAt: "2099-01-01" }), session({ token: "b".repeat(64) })];
    const owner = user([odd, fine]);
    await database()
      .connection.collection("legacy_users")
      .insertOne(owner as never);
    const route = { read: "source", write: ["source"] } as const;
    const gate = {
      read: <T>(act: (r: typeof route) => T) => act(route),
      write: <T>(act: (r: typeof route) => T) => act(route),
      put: async () => undefined,
    };
    const sessions = new MigratingSessions(contextAt(database().models, now), gate as never);
    expect(await sessions.validate(odd.token)).toEqual({ ok: false, reason: "unknown" });
    expect((await sessions.list({ userId: owner._id })).map(({ id }) => String(id))).toEqual([
      String(fine._id),
    ]);
  });
});

describe("an eager upgrade", () => {
  const database = useIdentityDatabase();

  it("goes on behind a document that a step cannot take, and names it", async () => {
    const people = database().connection.collection("people");
    await people.insertMany([
      { _id: 1, name: "a", schemaVersion: 1 },
      { _id: 2, name: 7, schemaVersion: 1 },
      { _id: 3, name: "c", schemaVersion: 1 },
    ] as never[]);
    const upgrades = defineUpgrades({
      1: ({ name, ...rest }) => ({ ...rest, name: (name as string).trim() }),
    });
    expect(await upgrades.upgradeAll(people)).toEqual({
      found: 3,
      upgraded: 2,
      unknown: 0,
      failed: 1,
      failures: [{ id: 2, reason: expect.stringContaining("trim") }],
    });
  });
});
