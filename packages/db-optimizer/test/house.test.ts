import { readdir, readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { parseThresholds } from "../src/core/thresholds.js";
import { parseStorageLimits } from "../src/storage/limits.js";

const src = new URL("../src/", import.meta.url);
// Rooms of the runs, which are being made one.
const left = /^(jobs|cleanup|migrate)\//;

test("every file says in its first line what it is", async () => {
  const files = (await readdir(src, { recursive: true })).filter(
    (name) => name.endsWith(".ts") && !left.test(name),
  );
  expect(files.length).toBeGreaterThan(100);
  for (const name of files)
    expect(`${name}: ${await readFile(new URL(name, src), "utf8")}`).toMatch(/^[^:]+: \/(\/ |\*\*)/);
});

// With five defaults, a health check and a storage report saw different documents and disagreed.
test("all that looks at a sample has the same default", () => {
  expect(parseThresholds(undefined).sampleDocuments).toBe(1_000);
  expect(parseStorageLimits(undefined).sample).toBe(1_000);
});
