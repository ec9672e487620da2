// Arguments that are no connection string, connection or options: a variable that is unset, Mongoose itself, a
// promise. Right: `INVALID_INPUT` that names the argument, before anything connects.
import mongoose from "mongoose";
import { describe, expect, test } from "vitest";
import { createIdentity, defineModels, openDatabase, openIdentity } from "../src/index.js";

const uri = "mongodb://127.0.0.1:1/none";
const aConnection =
  "connection: must be a connection of Mongoose, such as mongoose.connection, or mongoose.createConnection(uri)";

test.each([undefined, null, 5, {}, new URL(uri), ["mongodb://127.0.0.1"]])(
  "%s is no connection string",
  async (given) => {
    const refused = { code: "INVALID_INPUT", message: "uri: must be a connection string of MongoDB" };
    await expect(openDatabase(given as never)).rejects.toMatchObject(refused);
    await expect(openIdentity(given as never)).rejects.toMatchObject(refused);
  },
);

describe.each<[string, (given: never) => unknown]>([
  ["createIdentity", (connection) => createIdentity({ connection })],
  ["defineModels", (connection) => defineModels(connection)],
])("%s", (_name, act) => {
  test.each<[string, unknown]>([
    ["nothing", undefined],
    ["a connection string", uri],
    ["Mongoose itself", mongoose],
    ["a promise", Promise.resolve()],
    ["an object", {}],
  ])("takes a connection, and not %s", (_what, given) => {
    expect(() => act(given as never)).toThrow(
      expect.objectContaining({ code: "INVALID_INPUT", message: aConnection }),
    );
  });
});

test.each([null, 5, "options"])("options that are %s", async (given) => {
  const refused = { code: "INVALID_INPUT", message: "options must be an object" };
  await expect(openIdentity(uri, given as never)).rejects.toMatchObject(refused);
  expect(() => createIdentity(given as never)).toThrow(expect.objectContaining(refused));
  await expect(openIdentity(uri, { database: given as never })).rejects.toMatchObject({
    code: "INVALID_INPUT",
    message: "database: must be an object",
  });
});

test("no options", () => {
  expect(() => createIdentity(undefined as never)).toThrow(
    expect.objectContaining({ code: "INVALID_INPUT", message: "options must be an object" }),
  );
});
