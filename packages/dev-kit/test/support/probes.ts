import { setTimeout } from "node:timers/promises";

import type { Connection } from "mongoose";

import type { EngineCapability } from "../../src/capabilities.js";

/** Asks the server itself for one capability. */
export type Probe = (connection: Connection) => Promise<boolean>;

const command = (connection: Connection, document: Record<string, unknown>) =>
  connection.db!.command(document);

const accepts = (work: Promise<unknown>) =>
  work.then(
    () => true,
    () => false,
  );

async function seeded(connection: Connection) {
  const things = connection.collection("things");
  await things.insertMany(Array.from({ length: 100 }, (_, n) => ({ n, text: "x".repeat(200) })));
  await things.createIndex({ n: 1 });
  return things;
}

/** Left out are `compact` and `boundedScans`, which only large collections tell. */
export const probes: Record<Exclude<EngineCapability, "compact" | "boundedScans">, Probe> = {
  transactions: async (connection) => {
    const things = await seeded(connection);
    const session = await connection.startSession();
    const aborted = session.withTransaction(async () => {
      await things.insertOne({ n: -1 }, { session });
      throw new Error("roll back");
    });
    await aborted.catch(() => {});
    await session.endSession();
    return (await things.countDocuments({ n: -1 })) === 0;
  },
  changeStreams: async (connection) => {
    const things = await seeded(connection);
    const stream = things.watch();
    let seen = false;
    const next = stream.next().finally(() => {
      seen = true;
    });
    // The stream opens on the server at some moment after next(): what is written before that is not reported.
    while (!seen) {
      await things.insertOne({ n: -2 });
      await setTimeout(20);
    }
    const event = await next;
    await stream.close();
    return event.operationType === "insert";
  },
  hiddenIndexes: async (connection) => {
    const things = await seeded(connection);
    await command(connection, { collMod: "things", index: { keyPattern: { n: 1 }, hidden: true } });
    const plan = await things.find({ n: 3 }).explain("queryPlanner");
    return JSON.stringify(plan).includes("COLLSCAN");
  },
  specialIndexes: async (connection) => {
    const things = await seeded(connection);
    return (
      (await accepts(things.createIndex({ n: "hashed" }))) &&
      (await accepts(things.createIndex({ text: "text" })))
    );
  },
  indexConflicts: async (connection) => {
    const things = await seeded(connection);
    return !(await accepts(things.createIndex({ n: 1 }, { name: "other", expireAfterSeconds: 60 })));
  },
  indexStats: async (connection) => {
    const things = await seeded(connection);
    await things.find({ n: 3 }).toArray();
    const stats = await things
      .aggregate([{ $indexStats: {} }])
      .toArray()
      .catch(() => []);
    return stats.some(({ name, accesses }) => name === "n_1" && Number(accesses.ops) > 0);
  },
  collStatsPhysicalSizes: async (connection) => {
    await seeded(connection);
    const stats = await command(connection, { collStats: "things" });
    return stats.storageSize !== stats.size && stats.storageSize % 4096 === 0;
  },
  profiler: async (connection) => {
    const things = await seeded(connection);
    if (!(await accepts(command(connection, { profile: 2 })))) return false;
    await things.find({ text: "absent" }).toArray();
    await command(connection, { profile: 0 });
    return (await connection.collection("system.profile").countDocuments({ op: "query" })) > 0;
  },
  profilerExecStats: async (connection) => {
    const things = await seeded(connection);
    if (!(await accepts(command(connection, { profile: 2 })))) return false;
    await things.find({ text: "absent" }).toArray();
    await command(connection, { profile: 0 });
    const [entry] = await connection.collection("system.profile").find({ op: "query" }).toArray();
    return entry?.docsExamined === 100;
  },
  planCacheStats: async (connection) => {
    const things = await seeded(connection);
    return accepts(things.aggregate([{ $planCacheStats: {} }]).toArray());
  },
  queueMetrics: async (connection) => {
    const status = await command(connection, { serverStatus: 1 }).catch(() => undefined);
    return status?.flowControl !== undefined && status.queues !== undefined;
  },
  clusterMonitoring: async (connection) => {
    const admin = connection.db!.admin();
    const asked = ["serverStatus", "hostInfo", "getCmdLineOpts", "currentOp"].map((name) =>
      accepts(admin.command({ [name]: 1 })),
    );
    return (await Promise.all(asked)).every(Boolean);
  },
  memberStates: (connection) => accepts(connection.db!.admin().command({ replSetGetStatus: 1 })),
};
