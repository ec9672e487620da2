// The test files of packages and apps, with which scripts choose a part of them.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

/** @returns {string[]} */
export function testFiles() {
  return ["packages", "apps"]
    .flatMap((parent) => readdirSync(parent).map((name) => join(parent, name, "test")))
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder, { recursive: true }).map((file) => join(folder, String(file))))
    .filter((file) => file.endsWith(".test.ts"));
}
