// Unique indexes over documents that lack the field. Sources: weseek/growi's `Bookmark` (page and user are ids, unique together),
// hyperdxio/hyperdx's `User.accessKey`; MongoDB's manual on sparse indexes (a stored null is indexed) and partial indexes.
// Input: such documents that were saved before the index. Right: the refusal names an index that would build and would still
// refuse equal values: `{ $type: "string" }` over ids is unique over nothing. The next plan says what failed and why.
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { mongo, Schema } from "mongoose";
import { expect, test } from "vitest";

import { initialize, planSetup } from "../../src/index.js";

const database = useTemporaryDatabase({ label: "unique_absent", per: "test" });

async function refused(fields: object, index: Record<string, 1>, documents: object[]): Promise<string> {
  const { connection } = database;
  const schema = new Schema(fields, { collection: "marks", autoCreate: false });
  schema.index(index, { unique: true, name: "once" });
  const model = connection.model("Mark", schema);
  await connection.collection("marks").insertMany(documents);
  const { failures } = await initialize(connection, [model], { validation: "off" });
  expect(failures).toMatchObject([{ code: "DUPLICATES" }]);
  return failures[0]?.message ?? "";
}

/** The options that a message says to give, as an index is built with them. */
async function buildsWith(text: string, keys: Record<string, 1>): Promise<void> {
  const partial = /partialFilterExpression: (\{.*\})/.exec(text)?.[1] ?? "";
  const partialFilterExpression = JSON.parse(partial.replaceAll("$type:", '"$type":'));
  await database.connection.collection("marks").createIndex(keys, { unique: true, partialFilterExpression });
}

test("ids are given as ids, and equal ones are still refused", async () => {
  const [page, user] = [new mongo.ObjectId(), new mongo.ObjectId()];
  const message = await refused(
    { page: Schema.Types.ObjectId, user: Schema.Types.ObjectId },
    { page: 1, user: 1 },
    [{}, {}, { page, user }],
  );
  expect(message).toContain(
    'partialFilterExpression: { "page": { $type: "objectId" }, "user": { $type: "objectId" } }',
  );
  expect(message).not.toContain("sparse");
  await buildsWith(message, { page: 1, user: 1 });
  const again = database.connection.collection("marks").insertOne({ page, user });
  await expect(again).rejects.toMatchObject({ code: 11000 });
});

test("sparse is named where no document stores null, and only there", async () => {
  const absent = await refused({ key: String }, { key: 1 }, [{}, {}, { key: "a" }]);
  expect(absent).toContain('sparse: true, or partialFilterExpression: { "key": { $type: "string" } }');
  expect(absent).not.toContain("with the type");
});

test("a stored null keeps a sparse index from being built", async () => {
  const stored = await refused({ key: Number }, { key: 1 }, [
    { key: null },
    { key: null },
    { key: 1 },
    { key: 2.5 },
  ]);
  expect(stored).toContain('give the index partialFilterExpression: { "key": { $type: "number" } }');
});

test("an index of an array has the type of its elements", async () => {
  const message = await refused({ tags: [Number] }, { tags: 1 }, [{}, {}, { tags: [1, 2] }, { tags: [3] }]);
  expect(message).toContain('{ "tags": { $type: "number" } }');
  await buildsWith(message, { tags: 1 });
});

test("where no document has a value, its type is left to the reader", async () => {
  const message = await refused({ key: String }, { key: 1 }, [{}, {}]);
  expect(message).toContain("with the type that its values have");
});

test("the next plan says what failed, until it has changed", async () => {
  const { connection } = database;
  const message = await refused({ key: String }, { key: 1 }, [{ key: "a" }, { key: "a" }]);
  const models = [connection.model("Mark")];
  const { notes } = await planSetup(connection, models, "off");
  expect(notes).toMatchObject([{ collection: "marks", index: "once" }]);
  expect(notes[0]?.message).toMatch(
    /^failed at \d{4}-.*Z: marks\.once cannot be unique: .*"a".* \(DUPLICATES\)$/,
  );
  expect(notes[0]?.message).toContain(message);
  await connection.collection("marks").deleteOne({ key: "a" });
  await initialize(connection, models, { validation: "off" });
  expect((await planSetup(connection, models, "off")).notes).toEqual([]);
});
