// Mongoose's guide says of views: autoCreate and autoIndex false, and createCollection({ viewOn }) later; the same options are
// what many projects set for production, where an explicit setup makes collections and indexes.
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { Schema } from "mongoose";
import { expect, test } from "vitest";
import { DatabaseInitializer } from "../../src/index.js";

const database = useTemporaryDatabase({ label: "auto_create", per: "test" });
const off = { autoCreate: false, autoIndex: false } as const;

test("a collection with declared indexes is set up, whatever autoCreate says", async () => {
  const { connection } = database;
  const schema = new Schema({ email: { type: String, unique: true } }, { collection: "people", ...off });
  const initializer = new DatabaseInitializer(connection, [connection.model("Person", schema)]);
  const { drift } = await initializer.plan();
  expect(drift.missing.map(({ name }) => name)).toEqual(["email_1"]);
  await initializer.initialize({});
  expect((await connection.collection("people").indexes()).map(({ name }) => name)).toContain("email_1");
});

test("one without any is left to the application, and that is noted", async () => {
  const { connection } = database;
  const schema = new Schema({ name: String }, { collection: "later_view", ...off });
  const initializer = new DatabaseInitializer(connection, [connection.model("Later", schema)]);
  const { notes } = await initializer.plan();
  expect(notes.map(({ collection }) => collection)).toEqual(["later_view"]);
  await initializer.initialize({});
  expect(await connection.listCollections()).not.toContainEqual(
    expect.objectContaining({ name: "later_view" }),
  );
});
