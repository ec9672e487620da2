import { loadIdentityData } from "@org/dev-kit/identity-data";
import {
  contractMigration,
  MigrationGate,
  migrateUp,
  migrationStatus,
  rollbackMigration,
  verifyMigration,
} from "@org/db-optimizer";
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import type { Model } from "mongoose";
import { beforeEach, describe, expect, it } from "vitest";
import { defineModels, type IdentityModels, type LegacyUser, MigratingSessions, sessionsMigration } from "../src/index.js";

const temporary = useTemporaryDatabase({ label: "migrations", per: "test" });
const now = new Date("2026-11-01T12:00:00.000Z");
const migration = sessionsMigration({ phaseLeaseMs: 50, retentionMs: 1_000 });
const options = { now: () => now, limits: { niceRatio: 0 } };
let models: IdentityModels;
let sessions: MigratingSessions;
beforeEach(async () => {
  models = defineModels(temporary.connection);
  for (const model of Object.values(models) as Model<unknown>[]) await model.createIndexes();
  const { db } = temporary.connection;
  if (!db) throw new Error("the connection has no database");
  await loadIdentityData(db, { users: 100, sessions: 1_000, seed: 1, now, layout: "legacy" });
  sessions = new MigratingSessions(models, new MigrationGate(temporary.connection, migration));
});

const legacyUsers = () =>
  temporary.connection.collection("legacy_users").find({}).sort({ _id: 1 }).toArray() as unknown as Promise<LegacyUser[]>;

describe("embedded sessions", () => {
  it("are carried over, hash by hash", async () => {
    const before = await legacyUsers();
    const report = await migrateUp(temporary.connection, migration, options);
    expect(report).toMatchObject({ phase: "switched", verification: { clean: true, sources: 100, repaired: 0 } });
    expect(await legacyUsers()).toEqual(before);
    expect((await verifyMigration(temporary.connection, migration, options)).mismatches).toEqual([]);
    const status = await migrationStatus(temporary.connection, migration);
    expect(status.history.map(({ to }) => to)).toEqual(["expand", "backfill", "verify", "switching", "switched"]);
  });
});
