// How the command ends, after public reports on other commands that load a project's code: db-migrate/node-db-migrate #109
// and #454, seppevs/migrate-mongo #415, toiletmap #371 (a file of the project opens a connection or a timer, and the
// command never returns to the shell), Airfordable/mgdb-migrator #11 (the first SIGTERM). Input: such configurations. Right:
// the command ends with its own exit code once all that it printed has arrived; a signal ends the wait for code that hangs.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { afterAll, beforeAll, expect, test, vi } from "vitest";

import { startOrgDb } from "../org-db-process.js";

const database = useTemporaryDatabase({ label: "ending" });
vi.setConfig({ testTimeout: 120_000 });

const mongoose = pathToFileURL(createRequire(import.meta.url).resolve("mongoose")).href;
const model = 'connection.model("Order", new Schema({ number: { type: Number, index: true } }))';
const head = `import mongoose from ${JSON.stringify(mongoose)};\nconst { Schema } = mongoose;\n`;
const sound = `export default { models: (connection) => [${model}] };\n`;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "org-db-ending-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Runs the command; a first SIGTERM follows the word "waits". */
async function run(text: string, args: readonly string[], uri = database.uri) {
  await writeFile(join(folder, "db.config.mjs"), head + text);
  let sent = false;
  return startOrgDb(
    args,
    { MONGODB_URI: uri },
    (stderr, child) => {
      if (sent || !/^waits$/m.test(stderr)) return;
      sent = true;
      child.kill("SIGTERM");
    },
    folder,
  );
}

test.each([
  ["a timer", "setInterval(() => undefined, 1_000);\n"],
  ["a connection of its own", "await mongoose.connect(process.env.MONGODB_URI);\n"],
])("ends though the project keeps %s, with all that was printed", async (_, kept) => {
  const { code, stdout } = await run(kept + sound, ["plan", "--json"]);
  expect(code).toBe(2);
  expect(JSON.parse(stdout).steps).toHaveLength(1);
});

// OpenUserJS calls Model.syncIndexes() in its model files, and OpenHIM connects in those of its configuration: here nothing
// names a server for them.
test.each([
  ["connects without a connection string", "mongoose.connect(undefined);\n", /must be a string/],
  [
    "builds indexes over the default connection",
    `mongoose.set("bufferTimeoutMS", 10);
mongoose.model("Early", new Schema({ a: Number })).syncIndexes();
await new Promise((resolve) => setTimeout(resolve, 200));\n`,
    /buffering timed out/,
  ],
])("goes on, with a warning, where the project %s and handles no failure", async (_, early, warning) => {
  const { code, stdout, stderr } = await run(early + sound, ["plan", "--json"]);
  expect(JSON.parse(stdout).steps).toHaveLength(1);
  expect(code).toBe(2);
  expect(stderr).toMatch(/^warning Nothing handles a promise that was rejected: /m);
  expect(stderr).toMatch(warning);
});

test("an exception that nothing catches ends the command as a failure, in JSON where that is asked for", async () => {
  const throws = `setTimeout(() => { throw new Error("a listener threw"); });\nawait new Promise(() => setInterval(() => {}, 1_000));\n`;
  const { code, stdout, stderr } = await run(throws + sound, ["plan", "--json"]);
  expect(code).toBe(1);
  expect(JSON.parse(stdout).error).toMatchObject({
    code: "CONFIG_FAILED",
    message: expect.stringMatching(/a listener threw \(at .*db\.config\.mjs/),
  });
  expect(stderr).not.toContain("Node.js v");
});

// A script that ends the process when it is done is imported for its models: in CI that must not pass for "in sync".
test.each([
  ["while it is loaded", `process.exit(0);\n${sound}`],
  ["in its models", "export default { models: () => process.exit() };\n"],
  ["a moment later", `setTimeout(() => process.exit(0));\nawait new Promise(() => undefined);\n${sound}`],
])("fails when the project ends the process %s", async (_, text) => {
  const { code, stdout, stderr } = await run(text, ["plan", "--check", "--json"]);
  expect({ code, error: JSON.parse(stdout).error.code }).toEqual({ code: 1, error: "CONFIG_FAILED" });
  expect(stderr).toMatch(/process\.exit/);
});

test("says so when the configuration awaits what nothing can bring about", async () => {
  const { code, stderr, stdout } = await run(`await new Promise(() => undefined);\n${sound}`, ["plan"]);
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  expect(stderr).toMatch(/^CONFIG_FAILED The configuration never ends/);
});

test.each([
  ["models", "models: () => pending", ["plan", "--json"]],
  ["uri", `uri: () => pending, models: (connection) => [${model}]`, ["plan", "--json"]],
  ["queries", `models: (connection) => [${model}], queries: () => pending`, ["optimize", "--json"]],
  ["checks", `models: (connection) => [${model}], checks: () => pending`, ["health", "--json"]],
])("the first SIGTERM ends the wait for %s that hang", async (what, body, args) => {
  // The pending promise says when it is waited for.
  const pending = `const pending = { then: () => { setInterval(() => undefined, 1_000); console.error("waits"); } };\n`;
  const text = `${pending}export default { ${body} };\n`;
  const { code, stdout } = await run(text, args, what === "uri" ? "" : database.uri);
  expect(code).toBe(130);
  expect(JSON.parse(stdout).error.code).toBe("ABORTED");
});

test("the first SIGTERM ends the search for a server", async () => {
  const waits = `setTimeout(() => console.error("waits"), 1_500);\n`;
  const { code } = await run(waits + sound, ["plan", "--timeout", "600"], "mongodb://127.0.0.1:1/shop");
  expect(code).toBe(130);
});
