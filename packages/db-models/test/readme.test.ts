import { readFile } from "node:fs/promises";
import { createConnection } from "mongoose";
import { expect, test } from "vitest";

import * as identity from "../src/index.js";

const readme = await readFile(new URL("../README.md", import.meta.url), "utf8");
/** Properties of the object besides the capabilities. */
const own: ReadonlySet<string> = new Set([
  "models",
  "queries",
  "policies",
  "clock",
  "sessionCacheMetrics",
  "flush",
  "close",
]);
const section = (title: string) => readme.split(`## ${title}\n`)[1]?.split("\n## ")[0] ?? "";

test("the README lists every error code with its kind, and no other", () => {
  const rows = [...section("Errors").matchAll(/^\| `([A-Z_]+)` +\| (\w+) +\|/gm)];
  expect(Object.fromEntries(rows.map(([, code, kind]) => [code, kind]))).toEqual(identity.errorKinds);
});

test("the README lists every operation of every capability, and no other", () => {
  const object = identity.createIdentity({ connection: createConnection() });
  const operations = Object.entries(object).filter(([name]) => !own.has(name));
  const listed = [...section("Operations").matchAll(/^\| `(\w+)` +\| (.*) \|$/gm)].map(([, name, row]) => [
    name,
    [...(row ?? "").matchAll(/`(\w+)`/g)].map(([, operation]) => operation).sort(),
  ]);
  expect(Object.fromEntries(listed)).toEqual(
    Object.fromEntries(operations.map(([name, namespace]) => [name, Object.keys(namespace).sort()])),
  );
});
