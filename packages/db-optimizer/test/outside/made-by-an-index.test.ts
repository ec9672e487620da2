// Collections that the server makes by itself. Sources: MongoDB's manual on createIndexes (a missing collection is created), on create
// (capped, clustered and time series are decided there, as is the default collation) and on TTL indexes (not in capped
// collections; mongodb/mongoid #2833 repeats it); Automattic/mongoose #15986 (a time series that an earlier write had made a
// plain collection); ToolJet/ToolJet #13479 (options that exclude each other). Input: apply before setup, and a setup whose
// creation the server refuses. Right: no index step makes a collection that can never become what the models declare.
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { Schema } from "mongoose";
import { expect, test } from "vitest";

import { DatabaseOptimizer, initialize, planSetup } from "../../src/index.js";

const database = useTemporaryDatabase({ label: "made_by_index", per: "test" });

const byText = { a: { type: String, index: true } };
const forms = {
  logs: new Schema(byText, { collection: "logs", capped: { size: 8_192 } }),
  names: new Schema(byText, { collection: "names", collation: { locale: "de", strength: 2 } }),
  grouped: new Schema(byText, {
    collection: "grouped",
    clusteredIndex: { key: { _id: 1 }, unique: true } as never,
  }),
  kept: new Schema(byText, {
    collection: "kept",
    collectionOptions: { changeStreamPreAndPostImages: { enabled: true } },
  } as never),
};

async function collections(): Promise<string[]> {
  const listed = await database.connection.listCollections();
  return listed.map(({ name }) => name).filter((name) => !name.startsWith("org_db_"));
}

test.each([
  ["logs", "capped"],
  ["names", "collation"],
  ["grouped", "clusteredIndex"],
  ["kept", "changeStreamPreAndPostImages"],
] as const)("apply makes no %s without %s", async (name, option) => {
  const models = [database.connection.model("Thing", forms[name])];
  const result = await new DatabaseOptimizer(database.connection, { models }).apply();
  expect(result.steps).toMatchObject([{ outcome: "failed", error: { code: "COLLECTION_CONFLICT" } }]);
  expect(result.steps[0]?.error?.message).toBe(
    `Cannot create ${name}.a_1: the collection does not exist, and the server would create it without ${option}. Create it first with org-db setup`,
  );
  expect(await collections()).toEqual([]);
});

test("apply creates an ordinary collection with its first index, as it did", async () => {
  const models = [database.connection.model("Thing", new Schema(byText, { collection: "things" }))];
  const result = await new DatabaseOptimizer(database.connection, { models }).apply();
  expect(result.steps).toMatchObject([{ outcome: "done" }]);
  expect(await collections()).toEqual(["things"]);
});

test("a creation that the server refuses leaves the name free", async () => {
  const schema = new Schema(
    { ts: Date, n: { type: Number, index: true } },
    { collection: "metrics", timeseries: { timeField: "ts", granularity: "fortnights" as never } },
  );
  const models = [database.connection.model("Metric", schema)];
  const { failures } = await initialize(database.connection, models);
  expect(failures.map(({ code }) => code)).toContain("COLLECTION_CONFLICT");
  expect(failures).toHaveLength(2);
  expect(await collections()).toEqual([]);
});

test("an expiry in a capped collection is a fault of the declaration", async () => {
  const schema = new Schema({ at: { type: Date, expires: 60 } }, { collection: "logs", capped: 8_192 });
  const { faults, indexes } = await planSetup(
    database.connection,
    [database.connection.model("Log", schema)],
    "off",
  );
  expect(indexes.steps).toEqual([]);
  expect(faults.map(({ message }) => message)).toEqual([
    "Model Log (logs), index on at: nothing expires in a capped collection: the server has no index with expireAfterSeconds there",
  ]);
});
