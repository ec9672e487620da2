// The test files that need no database: neither they nor what they import of the tests beside them names @org/dev-kit.
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { testFiles } from "./test-files.mjs";

/** @returns {string[]} */
export function pureTests() {
  const ownTests = join("packages", "dev-kit");
  return testFiles().filter((file) => !file.startsWith(ownTests) && !needsEngine(file));
}

/**
 * @param {string} file
 * @returns {boolean}
 */
function needsEngine(file, seen = new Set()) {
  if (seen.has(file)) return false;
  seen.add(file);
  const text = readFileSync(file, "utf8");
  if (/"@org\/dev-kit|node:child_process|MongoClient/.test(text)) return true;
  const beside = [...text.matchAll(/from "(\.[^"]*)\.js"/g)].map(
    ([, path]) => `${join(dirname(file), path)}.ts`,
  );
  return beside.some((one) => one.includes("/test/") && existsSync(one) && needsEngine(one, seen));
}
