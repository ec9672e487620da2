// The test files that need no database: neither they nor what they import of the tests beside them names @org/dev-kit.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** @returns {string[]} */
export function pureTests() {
  return ["packages", "apps"]
    .flatMap((parent) => readdirSync(parent).map((name) => join(parent, name, "test")))
    .filter((folder) => existsSync(folder) && !folder.startsWith(join("packages", "dev-kit")))
    .flatMap((folder) => readdirSync(folder, { recursive: true }).map((file) => join(folder, String(file))))
    .filter((file) => file.endsWith(".test.ts") && !needsEngine(file));
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
