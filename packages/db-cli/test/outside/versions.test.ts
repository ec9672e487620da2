// Projects with another Mongoose, or an older server, than this command is for: package managers install it there with a
// warning at most (npm's --legacy-peer-deps), and most public projects are on Mongoose 5 to 8. Input: Mongoose 8.24.10, MongoDB
// 5.0.9. Right: doctor says which version there is and which it takes, and what to do.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { afterAll, beforeAll, expect, test, vi } from "vitest";

import { startOrgDb } from "../org-db-process.js";

const database = useTemporaryDatabase({ label: "versions" });
vi.setConfig({ testTimeout: 120_000 });

const mongoose = pathToFileURL(createRequire(import.meta.url).resolve("mongoose")).href;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "org-db-versions-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function doctor(atStart: string, onConnection: string) {
  const config = `import mongoose from ${JSON.stringify(mongoose)};
${atStart}
export default { models: (connection) => {
  ${onConnection}
  return [connection.model("Order", new mongoose.Schema({ number: Number }))];
} };`;
  await writeFile(join(folder, "db.config.mjs"), config);
  return startOrgDb(["doctor"], { MONGODB_URI: database.uri }, undefined, folder);
}

const oldServer = `const admin = connection.db.admin();
  connection.db.admin = () => ({
    command: async (asked) => (asked.buildInfo ? { version: "5.0.9" } : admin.command(asked)),
  });`;

test.each([
  [
    "Mongoose",
    `mongoose.version = "8.24.10";`,
    "",
    "mongoose: the project has Mongoose 8.24.10",
    "update Mongoose",
  ],
  ["server", "", oldServer, "connection: MongoDB 5.0.9", "update the server"],
])("doctor names a %s that is too old", async (_what, atStart, onConnection, message, next) => {
  const { code, stdout } = await doctor(atStart, onConnection);
  expect(code).toBe(1);
  expect(stdout).toContain(`not yet ${message}`);
  expect(stdout).toContain(`Next: ${next}, then org-db doctor`);
});
