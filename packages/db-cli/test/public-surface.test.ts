import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";

import * as surface from "../src/index.js";

test("exports these names and no others", () => {
  expect(Object.keys(surface).sort()).toEqual([
    "CliError",
    "cliReference",
    "configSchema",
    "defineConfig",
    "endProcess",
    "exitCodes",
    "outputSchemas",
    "processIo",
    "runCli",
  ]);
});

test("depends on these packages and no others", async () => {
  const manifest = JSON.parse(await readFile(new URL("../package.json", import.meta.url), "utf8"));
  expect(Object.keys(manifest.dependencies).sort()).toEqual([
    "@org/db-optimizer",
    "commander",
    "get-tsconfig",
    "mongodb-connection-string-url",
    "string-width",
    "tsx",
    "zod",
  ]);
  expect(Object.keys(manifest.peerDependencies)).toEqual(["mongoose"]);
});
