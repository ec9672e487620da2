import { type Connection, connections, createConnection } from "mongoose";
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  inject,
  type RunnerTask,
  type TestFunction,
  test,
} from "vitest";

import type { EngineCapability } from "./capabilities.js";
import { DevKitError } from "./errors.js";
import { type TemporaryDatabase, temporaryDatabase } from "./temporary-database.js";

export type { ProvidedEngine } from "./provided-engine.js";

export interface UseTemporaryDatabaseOptions {
  /** Part of the database's name. Default: `test`. */
  readonly label?: string;
  /** Whether the tests of the suite share a database or get one each. Default: `suite`. */
  readonly per?: "suite" | "test";
}

/** The database of the running suite or test; reading it outside throws `DATABASE_NOT_READY`. */
export interface TestDatabase {
  readonly uri: string;
  readonly name: string;
  /** Open, with `autoIndex` and `autoCreate` off; closed after the suite or test. */
  readonly connection: Connection;
}

interface OpenDatabase {
  readonly database: TemporaryDatabase;
  readonly connection: Connection;
}

/**
 * Gives the file or `describe` in which it is called a database of its own on the shared engine. Afterwards it is
 * dropped; after a failure it is kept, and its name printed. Connections to it that were left open are closed, and
 * fail the suite with `DATABASE_CONNECTIONS_LEAKED`.
 *
 * @example
 * const database = useTemporaryDatabase({ label: "sessions" });
 * test("stores", async () => { const models = defineModels(database.connection); ... });
 */
export function useTemporaryDatabase(options: UseTemporaryDatabaseOptions = {}): TestDatabase {
  let open: OpenDatabase | undefined;
  const begin = async () => {
    open = await openDatabase(options.label);
  };
  const end = async (failed: boolean) => {
    const ended = open;
    open = undefined;
    if (ended) await closeDatabase(ended, failed);
  };
  if (options.per === "test") {
    beforeEach(begin);
    afterEach(({ task }) => end(hasFailed(task)));
  } else {
    beforeAll(begin);
    // biome-ignore lint/correctness/noEmptyPattern: vitest reads the fixtures from the pattern, and accepts no other
    afterAll(({}, suite) => end(hasFailed(suite)));
  }
  return testDatabase(() => open);
}

function testDatabase(current: () => OpenDatabase | undefined): TestDatabase {
  const need = () => {
    const open = current();
    if (open) return open;
    throw new DevKitError("DATABASE_NOT_READY", "The temporary database exists only while its suite runs");
  };
  return {
    get uri() {
      return need().database.uri;
    },
    get name() {
      return need().database.name;
    },
    get connection() {
      return need().connection;
    },
  };
}

async function openDatabase(label: string | undefined): Promise<OpenDatabase> {
  const database = temporaryDatabase({ uri: inject("engine").uri, ...(label ? { label } : {}) });
  const connection = createConnection(database.uri, { autoIndex: false, autoCreate: false });
  return { database, connection: await connection.asPromise() };
}

async function closeDatabase({ database, connection }: OpenDatabase, failed: boolean): Promise<void> {
  await connection.close();
  const leaked = connections.filter((other) => other.name === database.name && other.readyState !== 0);
  await Promise.all(leaked.map((other) => other.close()));
  if (failed) {
    database.keep();
    // Not console.warn: a test that prints to the console may count as a failure.
    process.stderr.write(
      `kept the database of the failed test: ${database.uri} (with an embedded engine it outlives the run only if ORG_DB_TEST_STORAGE names a folder)\n`,
    );
  }
  await database.drop();
  if (leaked.length > 0) {
    throw new DevKitError(
      "DATABASE_CONNECTIONS_LEAKED",
      `${leaked.length} connection(s) to ${database.name} were left open: close each one that the test opens`,
    );
  }
}

function hasFailed(task: Readonly<RunnerTask>): boolean {
  if (task.result?.state === "fail") return true;
  return "tasks" in task && task.tasks.some(hasFailed);
}

/** Those of the given capabilities that the engine of this run lacks. */
export function missingCapabilities(...capabilities: EngineCapability[]): EngineCapability[] {
  const engine = inject("engine");
  return capabilities.filter((capability) => !engine.capabilities[capability]);
}

/** Vitest's `test`, cut down to what a test that may be skipped needs. */
export type EngineTest = (name: string, body: TestFunction, timeoutMs?: number) => void;

/**
 * A `test` that runs where the engine has these capabilities, and elsewhere is skipped under a name that says why.
 *
 * @example
 * needs("collStatsPhysicalSizes")("reports bytes free for reuse", async () => { ... });
 */
export function needs(...capabilities: EngineCapability[]): EngineTest {
  const missing = missingCapabilities(...capabilities);
  if (missing.length === 0) return (name, body, timeoutMs) => void test(name, body, timeoutMs);
  const reason = `${inject("engine").kind} lacks ${missing.join(", ")}`;
  return (name, body, timeoutMs) => void test.skip(`${name} [skipped: ${reason}]`, body, timeoutMs);
}

/**
 * Skips every test of the file or `describe` in which it is called where the engine lacks one of these capabilities,
 * with a note that says why.
 *
 * @example
 * allNeed("profiler");
 */
export function allNeed(...capabilities: EngineCapability[]): void {
  const missing = missingCapabilities(...capabilities);
  if (missing.length === 0) return;
  beforeEach(({ skip }) => skip(`${inject("engine").kind} lacks ${missing.join(", ")}`));
}
