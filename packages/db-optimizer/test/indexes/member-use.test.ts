import { needs, useTemporaryDatabase } from "@org/dev-kit/vitest";
import type { Connection } from "mongoose";
import { describe, expect, test } from "vitest";

import { dataHosts, memberOptions, readIndexUse, useOfEntry } from "../../src/indexes/observe/member-use.js";

const database = useTemporaryDatabase({ label: "members" });

const since = new Date("2026-01-01T00:00:00Z");

test.each<[string, object, unknown]>([
  ["counts", { host: "a:1", accesses: { ops: 3, since } }, { member: "a:1", ops: 3, since }],
  ["no time since which it counts", { host: "a:1", accesses: { ops: 0, since: null } }, undefined],
  ["no counts at all", { host: "a:1" }, undefined],
])("an entry of $indexStats with %s", (_name, entry, use) => {
  expect(useOfEntry(entry as never)).toEqual(use);
});

describe("members that hold data", () => {
  test.each<[string, object, object[], string[]]>([
    ["a server alone", {}, [], []],
    [
      "a replica set, arbiters apart",
      { hosts: ["a:1", "b:1"], passives: ["c:1"], arbiters: ["d:1"] },
      [],
      ["a:1", "b:1", "c:1"],
    ],
    [
      "every member of every shard",
      { msg: "isdbgrid" },
      [{ host: "rs0/a:1,b:1" }, { host: "c:1" }],
      ["a:1", "b:1", "c:1"],
    ],
  ])("of %s", (_name, hello, shards, hosts) => {
    expect(dataHosts(hello as never, shards as never)).toEqual(hosts);
  });

  test("are connected to as the application connects, each alone", () => {
    const credentials = {
      username: "u",
      password: "p",
      source: "admin",
      mechanism: "SCRAM-SHA-256",
      mechanismProperties: {},
    };
    expect(
      memberOptions({ credentials, tls: true, ca: "pem", rejectUnauthorized: true } as never),
    ).toMatchObject({
      directConnection: true,
      auth: { username: "u", password: "p" },
      authSource: "admin",
      tls: true,
      ca: "pem",
      rejectUnauthorized: true,
    });
    expect(memberOptions({})).not.toHaveProperty("auth");
  });
});

/** The connection, with a server that says of itself that it has these members. */
function withMembers(connection: Connection, hosts: string[]): Connection {
  const { db } = connection;
  const told = new Proxy(db as object, {
    get: (target, name) => {
      if (name === "command")
        return async (command: object) =>
          "hello" in command ? { hosts } : connection.db?.command(command as never);
      const value = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  return new Proxy(connection, {
    get: (target, name) => {
      if (name === "db") return told;
      const value = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

needs("indexStats")("every member is asked for itself, and one that does not answer is told", async () => {
  const things = database.connection.collection("things");
  await things.insertOne({ a: 1 });
  await things.createIndex({ a: 1 });
  const alone = await readIndexUse(database.connection, ["things", "absent"]);
  expect(alone.silent).toEqual([]);
  expect(alone.use.get("things.a_1")).toHaveLength(1);
  const own = new URL(database.uri.replace("mongodb:", "http:")).host;
  const asked = await readIndexUse(withMembers(database.connection, [own, own, "127.0.0.1:9"]), ["things"]);
  expect(asked.use.get("things.a_1")).toHaveLength(2);
  expect(asked.silent).toEqual([
    { member: "127.0.0.1:9", reason: expect.stringMatching(/^it does not answer: /) },
  ]);
});
