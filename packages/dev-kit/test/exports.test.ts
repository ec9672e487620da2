import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { expect, test } from "vitest";

import * as devKit from "../src/index.js";
import * as vitestApi from "../src/vitest.js";

test("the public names are these, and no others", () => {
  expect(Object.keys(devKit).sort()).toEqual([
    "DevKitError",
    "createIndexes",
    "findRunningEngine",
    "holdTtlMonitor",
    "startEngine",
    "temporaryDatabase",
    "withDatabase",
  ]);
  expect(Object.keys(vitestApi).sort()).toEqual([
    "allNeed",
    "missingCapabilities",
    "needs",
    "useTemporaryDatabase",
  ]);
});

test("the dependencies are these, and no others", () => {
  const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  expect(manifest.private).toBe(true);
  expect(Object.keys(manifest.dependencies)).toEqual([
    "@node-rs/argon2",
    "esbuild",
    "mongodb-memory-server-core",
    "mongoose",
    "playwright-core",
  ]);
  expect(manifest.peerDependencies).toBeUndefined();
});

test("importing the package prints nothing, starts nothing, and lets the process end", () => {
  const index = fileURLToPath(new URL("../src/index.ts", import.meta.url));
  const program = `const before = JSON.stringify(process.env); await import(${JSON.stringify(index)});
    console.log(before === JSON.stringify(process.env), process.getActiveResourcesInfo().filter((kind) => kind !== "PipeWrap"));`;
  const output = execFileSync(process.execPath, ["--import", "tsx", "--input-type=module", "-e", program], {
    encoding: "utf8",
    timeout: 20_000,
  });
  expect(output).toBe("true []\n");
});
