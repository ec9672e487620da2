import mongoose from "mongoose";
import { expect, inject, test } from "vitest";

import { temporaryDatabase, withDatabase } from "../src/temporary-database.js";

const { uri } = inject("engine");

async function write(databaseUri: string): Promise<void> {
  const connection = await mongoose.createConnection(databaseUri).asPromise();
  await connection.collection("things").insertOne({ a: 1 });
  await connection.close();
}

async function exists(name: string): Promise<boolean> {
  const connection = await mongoose.createConnection(uri).asPromise();
  const { databases } = await connection.listDatabases();
  await connection.close();
  return databases.some((database) => database.name === name);
}

test("a temporary database holds what is written to its uri, and drop() removes it, also twice", async () => {
  const database = temporaryDatabase({ uri, label: "drop" });
  await write(database.uri);
  expect(await exists(database.name)).toBe(true);
  await Promise.all([database.drop(), database.drop()]);
  expect(await exists(database.name)).toBe(false);
});

test("a kept database is still there after drop()", async () => {
  const database = temporaryDatabase({ uri, label: "keep" });
  await write(database.uri);
  database.keep();
  await database.drop();
  expect(await exists(database.name)).toBe(true);
  await temporaryDatabaseCleanup(database.uri);
});

async function temporaryDatabaseCleanup(databaseUri: string): Promise<void> {
  const connection = await mongoose.createConnection(databaseUri).asPromise();
  await connection.dropDatabase();
  await connection.close();
}

test("names differ, say the label, and stay within what MongoDB allows", () => {
  const names = Array.from(
    { length: 50 },
    () => temporaryDatabase({ uri, label: `a/b $.${"é".repeat(60)}` }).name,
  );
  expect(new Set(names).size).toBe(50);
  for (const name of names) {
    expect(name).toMatch(/^tmp_a_b___[A-Za-z0-9_]+$/);
    expect(Buffer.byteLength(name)).toBeLessThanOrEqual(63);
  }
});

test.each([
  ["mongodb://h:1", "mongodb://h:1/x"],
  ["mongodb://h:1/", "mongodb://h:1/x"],
  ["mongodb://h:1/old", "mongodb://h:1/x"],
  ["mongodb://h:1/?directConnection=true", "mongodb://h:1/x?directConnection=true"],
  ["mongodb://a:1,b:2,c:3/old?replicaSet=r", "mongodb://a:1,b:2,c:3/x?replicaSet=r"],
  [
    "mongodb+srv://cluster.example.net?retryWrites=true",
    "mongodb+srv://cluster.example.net/x?retryWrites=true",
  ],
  ["mongodb://u:p@h/users", "mongodb://u:p@h/x?authSource=users"],
  ["mongodb://u:p@h", "mongodb://u:p@h/x?authSource=admin"],
  ["mongodb://u:p@h/users?authSource=admin", "mongodb://u:p@h/x?authSource=admin"],
])("%s becomes %s: the credentials still belong to where they did", (given, expected) => {
  expect(withDatabase(given, "x")).toBe(expected);
});

test("what is no connection string of MongoDB is refused, without repeating it", () => {
  expect(() => temporaryDatabase({ uri: "postgres://u:s3cret@h/db" })).toThrow(
    expect.objectContaining({ code: "DATABASE_URI_INVALID", message: expect.not.stringContaining("s3cret") }),
  );
});
