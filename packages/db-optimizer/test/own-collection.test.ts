import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { createConnection, Schema } from "mongoose";
import { expect, test } from "vitest";
import { cleanupRuns, DatabaseOptimizer } from "../src/index.js";

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
  expect((await optimizer.history()).length).toBe(1);
  expect((await cleanupRuns(connection)).length).toBe(1);
  await connection.close();
  // The application's own collections are read as it wants.
  expect(asked.get("logs")).toEqual(new Set(["secondaryPreferred"]));
  // What the driver makes of "primary" where it is connected to one server only.
  expect(asked.get("org_db_journal")).toEqual(new Set(["primaryPreferred"]));
  expect(asked.get("org_db_cleanup")).toEqual(new Set(["primaryPreferred"]));
});
