import { execFile } from "node:child_process";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";

import mongoose from "mongoose";
import { beforeAll, describe, expect, inject, test } from "vitest";

import { missingCapabilities, useTemporaryDatabase } from "../src/vitest.js";

const config = fileURLToPath(new URL("./fixtures/vitest.config.ts", import.meta.url));
const fixtures = [
  new URL("./fixtures/failing-test.fixture.ts", import.meta.url),
  new URL("./fixtures/failing.fixture.ts", import.meta.url),
  new URL("./fixtures/leaking.fixture.ts", import.meta.url),
  new URL("./fixtures/passing.fixture.ts", import.meta.url),
].map((url) => fileURLToPath(url));
const vitest = fileURLToPath(new URL("../vitest.mjs", import.meta.resolve("vitest")));
const engine = inject("engine");

/** Runs the fixtures in a vitest of their own, on this run's engine. */
function runFixtures(): Promise<string> {
  // Vitest marks its workers by variables that a vitest below them must not see.
  const { VITEST: _, VITEST_MODE: __, NODE_ENV: ___, ...env } = process.env;
  const root = dirname(config);
  const args = [vitest, "run", "--root", root, "--config", config, "--reporter", "verbose", ...fixtures];
  return new Promise((resolve) => {
    execFile(process.execPath, args, { cwd: root, env }, (_error, stdout, stderr) => {
      resolve(stripVTControlCharacters(`${stdout}\n${stderr}`));
    });
  });
}

async function databasesLabelled(label: string): Promise<string[]> {
  const connection = await mongoose.createConnection(engine.uri).asPromise();
  const { databases } = await connection.listDatabases();
  await connection.close();
  return databases.map(({ name }) => name).filter((name) => name.startsWith(`tmp_${label}_`));
}

async function dropLabelled(label: string): Promise<void> {
  const connection = await mongoose.createConnection(engine.uri).asPromise();
  for (const name of await databasesLabelled(label)) await connection.useDb(name).dropDatabase();
  await connection.close();
}

function catchError(act: () => unknown): unknown {
  try {
    return act();
  } catch (error) {
    return error;
  }
}

describe("useTemporaryDatabase", () => {
  const database = useTemporaryDatabase({ label: "own" });
  const whileCollecting = catchError(() => database.name);

  test("has no database before the suite runs, and says so with a code", () => {
    expect(whileCollecting).toMatchObject({ code: "DATABASE_NOT_READY" });
  });

  test("gives a connection that makes no indexes and no collections by itself", () => {
    expect(database.connection.config).toMatchObject({ autoIndex: false, autoCreate: false });
    expect(database.connection.name).toBe(database.name);
    expect(database.uri).toContain(`/${database.name}`);
  });
});

describe("a vitest run of its own", () => {
  let output = "";
  beforeAll(async () => {
    output = await runFixtures();
  }, 60_000);

  test("uses the engine of the run that it is part of", () => {
    expect(output).not.toContain("engine: started");
    expect(output).toMatch(/✓ passing\.fixture\.ts > writes/);
  });

  test("leaves nothing of a suite that passed", async () => {
    expect(await databasesLabelled("passing")).toEqual([]);
  });

  test("keeps the database of a suite that failed, and prints its connection string", async () => {
    const kept = await databasesLabelled("failing");
    expect(kept).toHaveLength(1);
    expect(output).toMatch(new RegExp(`kept the database of the failed test: \\S+/${kept[0]}`));
    await dropLabelled("failing");
  });

  test("keeps only the failed test's database where each test has one", async () => {
    expect(await databasesLabelled("each")).toHaveLength(1);
    await dropLabelled("each");
  });

  test("fails a suite that leaves a connection open, and drops its database", async () => {
    expect(output).toMatch(/1 connection\(s\) to tmp_leaking_[0-9a-f]+ were left open/);
    expect(output).toMatch(/FAIL.+leaking\.fixture\.ts/);
    expect(await databasesLabelled("leaking")).toEqual([]);
  });

  test("runs what the engine can do, and skips the rest under a name that says why", () => {
    expect(output).toMatch(/✓ passing\.fixture\.ts > runs where the engine can/);
    const missing = missingCapabilities("planCacheStats");
    const expected =
      missing.length === 0
        ? "✓ passing.fixture.ts > runs on mongod only"
        : `↓ passing.fixture.ts > runs on mongod only [skipped: ${engine.kind} lacks planCacheStats]`;
    expect(output).toContain(expected);
  });
});
