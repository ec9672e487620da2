// The log of the engine's operations, which every check of the health reads.
import { mongo } from "mongoose";
import { expect, inject, test } from "vitest";
import { startEngine } from "../src/index.js";

test.runIf(inject("engine").kind === "secantus-rs")("keeps as many operations as it was told", async () => {
  const engine = await startEngine({
    env: { ...process.env, MONGODB_URI: "", DB_ENGINE: "secantus-rs" },
    logEntries: 500,
  });
  const client = new mongo.MongoClient(engine.uri);
  const log = client.db("local").collection("oplog.rs");
  const insert = (count: number) =>
    client
      .db("log")
      .collection("things")
      .insertMany(Array.from({ length: count }, (_, at) => ({ at })));
  try {
    await insert(400);
    expect(await log.countDocuments()).toBeGreaterThanOrEqual(400);
    await insert(20_000);
    expect(await log.countDocuments()).toBeLessThan(10_000);
  } finally {
    await client.close();
    await engine.stop();
  }
});
