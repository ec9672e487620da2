// A newcomer's first run, and Azure/data-api-builder #1778 (a configuration is to be judged without its database). Input:
// doctor without a server, without a connection string, with one that is malformed, with models that ask the server while
// they are bound, and with queries that fail. Right: what can be checked is reported, then the failure, exit code 1.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { freePort } from "@org/dev-kit/free-port";
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { afterAll, beforeAll, expect, test, vi } from "vitest";

import { startOrgDb } from "../org-db-process.js";
import { configs, orgDb } from "../support.js";

vi.setConfig({ testTimeout: 60_000 });

const database = useTemporaryDatabase({ label: "doctor" });
let away: string;
let folder: string;
beforeAll(async () => {
  away = `mongodb://127.0.0.1:${await freePort()}/shop`;
  folder = await mkdtemp(join(tmpdir(), "org-db-away-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const doctor = (config: string, ...args: string[]) =>
  orgDb(["doctor", "--config", config, "--timeout", "1", ...args]);

test("the configuration, the models and their faults are reported before the failure", async () => {
  const { exitCode, stdout, stderr } = await doctor(configs.faulty, "--uri", away);
  expect(exitCode).toBe(1);
  expect(stdout).toContain("ok      configuration: 0 named queries, 0 cleanup rules, 0 migrations");
  expect(stdout).toContain("ok      models: 2 models of 2 collections");
  expect(stdout).toMatch(
    /not yet declarations: Model Cart \(carts\), index on touchedAt: expireAfterSeconds/,
  );
  expect(stdout).toContain("not yet connection: none");
  expect(stdout).toContain("Next: change the declarations above, fix the connection, then org-db doctor");
  expect(stderr).toMatch(/^UNREACHABLE Cannot connect to mongodb:\/\/127\.0\.0\.1/);
});

test("models are selected as with a server", async () => {
  const { stdout } = await doctor(configs.faulty, "--uri", away, "--ignore", "Cart");
  expect(stdout).toContain("ok      declarations: no contradiction");
  expect(stdout).toContain("Next: fix the connection, then org-db doctor");
});

test("with --json the failure stands beside the checks", async () => {
  const { stdout } = await doctor(configs.faulty, "--uri", away, "--json");
  expect(JSON.parse(stdout)).toMatchObject({
    checks: expect.arrayContaining([expect.objectContaining({ name: "models", state: "ok" })]),
    faults: [{ code: "INVALID_MODEL" }],
    error: { code: "UNREACHABLE" },
  });
});

test.each([
  ["no connection string", [], "URI_MISSING"],
  ["a malformed one", ["--uri", "mongodb://user:p@ss:word@127.0.0.1/shop"], "CONFIG_INVALID"],
])("%s hides nothing of the models", async (_what, args, code) => {
  const { exitCode, stdout, stderr } = await doctor(configs.faulty, ...args);
  expect(exitCode).toBe(1);
  expect(stdout).toContain("models: 2 models of 2 collections");
  expect(stderr).toContain(code);
});

const mongoose = pathToFileURL(createRequire(import.meta.url).resolve("mongoose")).href;

test.each([
  ["reads a collection", `await connection.model("Setting", new mongoose.Schema({})).findOne();`],
  ["uses the database", "await connection.db.listCollections().toArray();"],
  ["awaits the connection", "await connection.asPromise(); await new Promise(() => {});"],
])("a configuration that %s is reported as unknown, and does not hang", async (_what, line) => {
  await writeFile(
    join(folder, "db.config.mjs"),
    `import mongoose from ${JSON.stringify(mongoose)};
export default { models: async (connection) => { ${line} return []; } };`,
  );
  const { code, stdout, stderr } = await startOrgDb(
    ["doctor", "--timeout", "1"],
    { MONGODB_URI: away },
    undefined,
    folder,
  );
  expect(code).toBe(1);
  expect(stdout).toMatch(/unknown models: .*db\.config\.mjs: models (failed|never ends)/);
  expect(stderr).toContain("UNREACHABLE");
});

test("queries that cannot be built are one finding among the others", async () => {
  await writeFile(
    join(folder, "queries.config.mjs"),
    `import mongoose from ${JSON.stringify(mongoose)};
export default {
  models: (connection) => [connection.model("Order", new mongoose.Schema({}))],
  queries: () => { throw new Error("no catalogue"); },
};`,
  );
  const { exitCode, stdout } = await doctor(join(folder, "queries.config.mjs"), "--uri", away);
  expect(exitCode).toBe(1);
  expect(stdout).toMatch(/unknown configuration: .*queries failed: no catalogue/);
  expect(stdout).toContain("ok      models: 1 model of 1 collection");
});

test("with a server, queries that cannot be built hide nothing of the database", async () => {
  const { exitCode, stdout, stderr } = await doctor(
    join(folder, "queries.config.mjs"),
    "--uri",
    database.uri,
  );
  expect(exitCode).toBe(1);
  expect(stdout).toMatch(/not yet configuration: .*queries failed: no catalogue/);
  expect(stdout).toContain("not yet database: 1 step behind the models");
  expect(stdout).toContain("Next: fix the configuration, then org-db doctor");
  expect(stderr).toMatch(/^CONFIG_FAILED .*no catalogue/);
});
