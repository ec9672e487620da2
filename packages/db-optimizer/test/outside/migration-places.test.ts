// Collections that a migration cannot go between. Sources: the manual on views, time series and capped collections;
// mongodb-js/compass#4396 on `_id` in a time series, which may be missing or stand twice. Right: nothing begins, and the
// collection is named.
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import type { mongo } from "mongoose";
import { expect, test } from "vitest";
import { migrateUp, migrationStatus } from "../../src/index.js";
import { textMigration } from "../migrate/text-migration.js";

const database = useTemporaryDatabase({ label: "places", per: "test" });
const options = { now: () => new Date() };

test.each<[string, string, mongo.CreateCollectionOptions, string]>([
  ["from a view", "old", { viewOn: "others", pipeline: [] }, "old is a view, which cannot be written to"],
  ["to a view", "fresh", { viewOn: "others", pipeline: [] }, "fresh is a view, which cannot be written to"],
  [
    "from a time series",
    "old",
    { timeseries: { timeField: "at" } },
    "old is a time series, whose documents have no unique _id",
  ],
  [
    "to a time series",
    "fresh",
    { timeseries: { timeField: "at" } },
    "fresh is a time series, whose documents have no unique _id",
  ],
  [
    "to a capped collection",
    "fresh",
    { capped: true, size: 4_096 },
    "fresh is capped, and forgets its oldest documents",
  ],
])("%s nothing begins", async (_what, name, how, problem) => {
  const { connection } = database;
  await connection.db?.createCollection(name, how);
  await expect(migrateUp(connection, textMigration, options)).rejects.toMatchObject({
    code: "INVALID_MIGRATION",
    message: `Migration "mixed": ${problem}`,
    details: { collection: name },
  });
  expect(await migrationStatus(connection, textMigration)).toMatchObject({ phase: "off", epoch: 0 });
});
