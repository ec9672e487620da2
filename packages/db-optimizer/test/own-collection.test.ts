import { allNeed, useTemporaryDatabase } from "@org/dev-kit/vitest";
import { createConnection, Schema } from "mongoose";
import { expect, test } from "vitest";
import {
  contractMigration,
  DatabaseOptimizer,
  migrateUp,
  migrationStatus,
  rollbackMigration,
  runCleanup,
  verifyMigration,
} from "../src/index.js";
import { listRuns } from "../src/jobs/index.js";
import { boxesMigration, fillBoxes } from "./children/boxes.js";

allNeed("clusterMonitoring");
const database = useTemporaryDatabase({ label: "own" });

test("what it keeps itself is read from the primary, whatever the connection prefers", async () => {
  const uri = new URL(database.uri);
  uri.searchParams.set("readPreference", "secondaryPreferred");
  const options = { monitorCommands: true, autoIndex: false, autoCreate: false };
  const connection = await createConnection(uri.href, options).asPromise();
  const asked = new Map<string, Set<string>>();
  connection.getClient().on("commandStarted", ({ command }) => {
    const name = command.find;
    if (typeof name !== "string") return;
    const modes = asked.get(name) ?? new Set();
    asked.set(name, modes.add(command.$readPreference?.mode ?? "primary"));
  });
  const logs = new Schema({ at: { type: Date, index: true } }, { collection: "logs" });
  const rule = { name: "old", collection: "logs", field: "at", retentionSeconds: 1 };
  const models = [connection.model("Log", logs)];
  const optimizer = new DatabaseOptimizer(connection, { models, cleanup: [rule] });
  await optimizer.apply();
  await connection.collection("logs").insertMany([{ at: new Date(0) }, { at: new Date(1) }]);
  await optimizer.cleanup({ now: new Date(), run: true });
  // The driver changes "primary" where it is connected to one member only.
  const { setName } = (await connection.db?.command({ hello: 1 })) ?? {};
  const isMember = setName !== undefined && connection.getClient().options.directConnection;
  const primary = new Set([isMember ? "primaryPreferred" : "primary"]);
  expect((await optimizer.history()).length).toBe(1);
  expect((await listRuns(connection, { jobs: ["cleanup"] })).length).toBe(1);
  await connection.close();
  // Documents to remove are read from the primary: another member may not know yet that one has changed.
  expect(asked.get("logs")).toEqual(primary);
  expect(asked.get("org_db_journal")).toEqual(primary);
  expect(asked.get("org_db_runs")).toEqual(primary);
});

// Of MongoDB's documentation on read preference: reads from a secondary may be stale.
test("nothing that decides is read elsewhere than from the primary, in any operation", async () => {
  const uri = new URL(database.uri);
  uri.searchParams.set("readPreference", "secondaryPreferred");
  uri.searchParams.set("w", "1");
  const options = { monitorCommands: true, autoIndex: false, autoCreate: false };
  const connection = await createConnection(uri.href, options).asPromise();
  const reads = ["find", "aggregate", "count", "distinct", "listCollections", "listIndexes", "explain"];
  const elsewhere = new Set<string>();
  const seen = new Set<string>();
  const weak = new Set<string>();
  connection.getClient().on("commandStarted", ({ commandName, command }) => {
    seen.add(commandName);
    const mode = command.$readPreference?.mode ?? "primary";
    // A sample of a collection's documents decides nothing.
    const isSample = command.pipeline?.[0]?.$sample !== undefined;
    if (reads.includes(commandName) && !isSample && !/^primary/.test(mode))
      elsewhere.add(`${commandName} ${JSON.stringify(command[commandName])} ${mode}`);
    const own = /^org_db_/.test(String(command[commandName]));
    const writes = ["insert", "update", "delete", "findAndModify"].includes(commandName);
    if (own && writes && command.writeConcern?.w !== "majority" && !givesLeaseBack(command))
      weak.add(`${commandName} ${command[commandName]}`);
  });
  const givesLeaseBack = ({ updates }: { updates?: { u?: { $set?: { expiresAt?: Date } } }[] }) =>
    updates?.every(({ u }) => u?.$set?.expiresAt?.getTime() === 0);
  const logs = new Schema(
    { at: { type: Date, index: true }, owner: { type: Number, unique: true } },
    { collection: "primary_logs" },
  );
  const rule = { name: "old", collection: "primary_logs", field: "at", retentionSeconds: 1 };
  const query = { name: "byOwner", collection: "primary_logs", filter: { owner: 1 } };
  const models = [connection.model("PrimaryLog", logs)];
  const optimizer = new DatabaseOptimizer(connection, { models, cleanup: [rule], queries: [query] });
  const now = () => new Date();
  await fillBoxes(database.connection, 5);
  await optimizer.apply();
  await connection.collection("primary_logs").insertMany([
    { at: new Date(0), owner: 1 },
    { at: new Date(1), owner: 2 },
  ]);
  await connection.collection("primary_logs").createIndex({ extra: 1 });
  await optimizer.plan();
  await optimizer.apply({}, (await optimizer.plan({ drop: ["primary_logs.extra_1"] })).plan);
  await optimizer.optimize();
  await optimizer.advise();
  await optimizer.health({ now: new Date() });
  await optimizer.cleanup({ now: new Date() });
  const archive = { ...rule, action: { archiveToCollection: "primary_archive" } };
  await runCleanup(connection, [archive], { now: new Date(), run: true });
  const migration = boxesMigration();
  await migrateUp(connection, migration, { now });
  await verifyMigration(connection, migration, { now });
  await migrationStatus(connection, migration);
  await rollbackMigration(connection, migration, { now });
  await migrateUp(connection, migration, { now });
  await contractMigration(connection, migration, { now });
  await optimizer.history();
  await connection.close();
  expect([...reads.filter((name) => seen.has(name))]).toEqual(
    expect.arrayContaining(["find", "aggregate", "explain"]),
  );
  expect([...elsewhere]).toEqual([]);
  expect([...weak]).toEqual([]);
});
