import mongoose from "mongoose";
import { describe, expect, inject, onTestFinished, test } from "vitest";

import { capabilitiesOf, type EngineCapability } from "../src/capabilities.js";
import { readServerFacts } from "../src/engine/server-facts.js";
import { startEngine, temporaryDatabase } from "../src/index.js";
import { playInFront } from "../src/played/front.js";
import { playNamed } from "../src/played/plays.js";
import { probes } from "./support/probes.js";

// A user without roles on the cluster, and a mongos, lack capabilities that must be known before a test needs them. The
// answers are those of MongoDB's manual, for neither runs here.

type Privilege = { resource: Record<string, unknown>; actions: string[] };

/** The capabilities that are seen in the answers of a server whose user has these privileges. */
async function seen(
  privileges: Privilege[] | undefined,
  hello: Record<string, unknown> = { setName: "rs0" },
) {
  const authInfo = {
    authenticatedUsers: privileges ? [{ user: "tests", db: "admin" }] : [],
    authenticatedUserPrivileges: privileges ?? [],
  };
  const answers: Record<string, Record<string, unknown>> = {
    hello,
    buildInfo: { version: "8.0.4" },
    connectionStatus: { authInfo },
  };
  const command = async (asked: Record<string, unknown>) => answers[Object.keys(asked)[0] as string] ?? {};
  const { flavor, topology, may } = await readServerFacts({ command });
  return capabilitiesOf(flavor, topology, may);
}

const anyNormal = { db: "", collection: "" };
const onCluster = [
  "serverStatus",
  "replSetGetStatus",
  "inprog",
  "hostInfo",
  "getCmdLineOpts",
  "listDatabases",
];

// https://www.mongodb.com/docs/manual/reference/built-in-roles/ and .../reference/command/connectionStatus/
describe("by connectionStatus", () => {
  const all = { clusterMonitoring: true, indexStats: true, memberStates: true, profiler: true };
  const none = { clusterMonitoring: false, indexStats: false, memberStates: false, profiler: false };
  test.each<[string, Privilege[] | undefined, Partial<Record<EngineCapability, boolean>>]>([
    ["nobody who has authenticated, where access control is off, may do all", undefined, all],
    [
      "clusterMonitor and dbAdminAnyDatabase may do all",
      [
        { resource: { cluster: true }, actions: onCluster },
        { resource: anyNormal, actions: ["find", "indexStats", "enableProfiler"] },
      ],
      all,
    ],
    ["__system may do all", [{ resource: { anyResource: true }, actions: ["anyAction"] }], all],
    [
      "readWriteAnyDatabase and dbAdminAnyDatabase have the profiler, but not what the cluster tells, nor $indexStats",
      [
        { resource: { cluster: true }, actions: ["listDatabases", "applyOps"] },
        { resource: anyNormal, actions: ["find", "insert", "collMod", "enableProfiler"] },
      ],
      { ...none, profiler: true },
    ],
    [
      "a user of one database alone has none for the databases that tests make",
      [{ resource: { db: "shop", collection: "" }, actions: ["find", "indexStats", "enableProfiler"] }],
      none,
    ],
    [
      "one privilege that is missing on the cluster is enough",
      [
        { resource: { cluster: true }, actions: onCluster.filter((action) => action !== "inprog") },
        { resource: anyNormal, actions: ["indexStats", "enableProfiler"] },
      ],
      { ...all, clusterMonitoring: false },
    ],
    ["a user without any role", [], none],
  ])("%s", async (_who, privileges, expected) => {
    expect(await seen(privileges)).toMatchObject(expected);
  });

  // https://www.mongodb.com/docs/manual/reference/command/profile/: mongos has no collections for it to write to.
  test("a mongos has neither a profiler nor states of members, for any user", async () => {
    const mongos = { profiler: false, memberStates: false };
    expect(await seen(undefined, { msg: "isdbgrid" })).toMatchObject({ ...all, ...mongos });
  });
});

describe.each(["limited-user", "mongos"])("a played %s", (name) => {
  async function engineInFront() {
    const front = await playInFront(inject("engine").uri, playNamed(name));
    onTestFinished(front.stop);
    return startEngine({ env: { MONGODB_URI: front.uri } });
  }

  test("lacks what is said of it, and does what is left", async () => {
    const { uri, capabilities } = await engineInFront();
    const lacking = (["clusterMonitoring", "indexStats", "memberStates", "profiler"] as const).filter(
      (capability) => !capabilities[capability],
    );
    expect(lacking).toEqual(
      name === "mongos" ? ["memberStates", "profiler"] : ["clusterMonitoring", "indexStats", "memberStates"],
    );
    for (const capability of [
      "clusterMonitoring",
      "indexStats",
      "memberStates",
      "profiler",
      "transactions",
    ] as const) {
      const database = temporaryDatabase({ uri, label: "played" });
      const connection = await mongoose.createConnection(database.uri).asPromise();
      expect([capability, await probes[capability](connection)]).toEqual([
        capability,
        capabilities[capability],
      ]);
      await connection.close();
      await database.drop();
    }
  });
});

test("a refusal has the code and the words of the server", async () => {
  const front = await playInFront(inject("engine").uri, playNamed("limited-user"));
  onTestFinished(front.stop);
  const connection = await mongoose.createConnection(front.uri).asPromise();
  onTestFinished(() => connection.close());
  await expect(connection.db?.admin().command({ serverStatus: 1 })).rejects.toMatchObject({
    code: 13,
    codeName: "Unauthorized",
    message: "not authorized on admin to execute command { serverStatus: 1 }",
  });
});

test("a play that there is not is refused", () => {
  expect(() => playNamed("atlas")).toThrow("ORG_DB_TEST_PLAY is atlas, but must be limited-user or mongos");
});
