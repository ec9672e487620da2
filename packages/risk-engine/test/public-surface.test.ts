import { readdir, readFile } from "node:fs/promises";
import { expect, test } from "vitest";

import * as freeman from "../src/freeman.js";
import * as surface from "../src/index.js";

test("exports these names and no others", () => {
  expect(Object.keys(surface).sort()).toEqual([
    "MemoryPopulation",
    "RiskError",
    "assess",
    "assessSession",
    "attemptContextSchema",
    "attemptSchema",
    "calibrate",
    "emptyProfile",
    "errorKinds",
    "isRiskError",
    "learn",
    "maxProfileBytes",
    "networkFlagKinds",
    "parsePolicy",
    "policySchema",
    "populationKeys",
    "presets",
    "publicReason",
    "readProfile",
  ]);
});

test("has the published reference model at a subpath", () => {
  expect(Object.keys(freeman).sort()).toEqual(["FreemanCounts", "freemanScore"]);
});

test("depends on these packages and no others", async () => {
  const manifest = JSON.parse(await readFile(new URL("../package.json", import.meta.url), "utf8"));
  expect(Object.keys(manifest.dependencies)).toEqual(["zod"]);
  expect(manifest.peerDependencies).toBeUndefined();
});

test("runs where there is no Node, no clock and no chance", async () => {
  const folder = new URL("../src/", import.meta.url);
  const files = await readdir(folder, { recursive: true });
  for (const file of files.filter((name) => name.endsWith(".ts"))) {
    const text = (await readFile(new URL(file, folder), "utf8")).replace(/^ *(\/\*)?\*.*$/gm, "");
    expect({
      file,
      found: text.match(/from "node:|Date\.now|new Date\(\)|Math\.random|process\.|Buffer/g),
    }).toEqual({
      file,
      found: null,
    });
  }
});
