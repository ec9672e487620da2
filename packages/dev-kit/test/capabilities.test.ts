import mongoose, { type Connection } from "mongoose";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";

import { capabilitiesOf, type EngineCapability } from "../src/capabilities.js";
import { findExecutable } from "../src/engine/context.js";
import { type Engine, startEngine, temporaryDatabase } from "../src/index.js";
import { probes } from "./support/probes.js";

const python = await findExecutable("python3", process.env);

async function inDatabase<T>(uri: string, act: (connection: Connection) => Promise<T>): Promise<T> {
  const database = temporaryDatabase({ uri, label: "capabilities" });
  const connection = await mongoose.createConnection(database.uri).asPromise();
  try {
    return await act(connection);
  } finally {
    await connection.close();
    await database.drop();
  }
}

describe("what this run's engine says it can do is what it does", () => {
  const engine = inject("engine");
  test.each(Object.entries(probes))("%s", async (name, probe) => {
    expect(await inDatabase(engine.uri, probe)).toBe(engine.capabilities[name as EngineCapability]);
  });
});

// The real one, installed by pip into the cache of this machine when it is not there yet.
describe.skipIf(!python)("what the Python server says it can do is what it does [needs python3]", () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await startEngine({ env: { ...process.env, MONGODB_URI: "", DB_ENGINE: "secantus-py" } });
  }, 120_000);
  afterAll(() => engine?.stop());

  test("it is what was asked for", () => {
    expect(engine).toMatchObject({ kind: "secantus-py", owned: true });
    expect(engine.description).toMatch(/^secantus-py 0\.7\.0b3 \(as MongoDB \d+\.\d+\.\d+\)$/);
  });

  test.each(Object.entries(probes))("%s", async (name, probe) => {
    expect(await inDatabase(engine.uri, probe)).toBe(engine.capabilities[name as EngineCapability]);
  });
});

test("a standalone server has neither transactions nor change streams; a mongos no profiler", () => {
  expect(capabilitiesOf("mongod", "standalone")).toMatchObject({ transactions: false, changeStreams: false });
  expect(capabilitiesOf("mongod", "sharded")).toMatchObject({ transactions: true, profilerExecStats: false });
  expect(capabilitiesOf("mongod", "replica-set")).toMatchObject({
    transactions: true,
    profilerExecStats: true,
  });
});
