// Every round of the tests that inject faults, of which `npm test` runs a sample: all test files that draw their rounds
// from @org/dev-kit/faults. TEST_SEED tries other moments; the tests' names print the seed.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const files = ["packages", "apps"]
  .flatMap((parent) => readdirSync(parent).map((name) => join(parent, name, "test")))
  .filter((folder) => existsSync(folder))
  .flatMap((folder) => readdirSync(folder, { recursive: true }).map((file) => join(folder, file)))
  .filter((file) => file.endsWith(".test.ts"))
  .filter((file) => readFileSync(file, "utf8").includes('from "@org/dev-kit/faults"'));
if (files.length === 0) throw new Error("No test imports @org/dev-kit/faults");
const { status, error } = spawnSync("vitest", ["run", ...files], {
  env: { ...process.env, ORG_DB_TEST_FAULTS: "all" },
  stdio: "inherit",
  shell: process.platform === "win32",
});
if (error) throw error;
process.exitCode = status ?? 1;
