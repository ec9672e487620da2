// Every round of the tests that inject faults, of which `npm test` runs a sample: all test files that draw their rounds
// from @org/dev-kit/faults, or those whose path contains one of the arguments. TEST_SEED tries other moments; the tests'
// names print the seed.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { testFiles } from "./test-files.mjs";

const parts = process.argv.slice(2);
const files = testFiles()
  .filter((file) => readFileSync(file, "utf8").includes('from "@org/dev-kit/faults"'))
  .filter((file) => parts.length === 0 || parts.some((part) => file.includes(part)));
if (files.length === 0) {
  process.stderr.write(`No test that imports @org/dev-kit/faults has ${parts.join(" or ") || "a file"}\n`);
  process.exit(1);
}
const { status, error } = spawnSync("vitest", ["run", ...files], {
  env: { ...process.env, ORG_DB_TEST_FAULTS: "all" },
  stdio: "inherit",
  shell: process.platform === "win32",
});
if (error) throw error;
process.exitCode = status ?? 1;
