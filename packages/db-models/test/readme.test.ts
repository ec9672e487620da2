import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";

import * as identity from "../src/index.js";

const readme = await readFile(new URL("../README.md", import.meta.url), "utf8");
const section = (title: string) => readme.split(`## ${title}\n`)[1]?.split("\n## ")[0] ?? "";

test("the README lists every error code with its kind, and no other", () => {
  const rows = [...section("Errors").matchAll(/^\| `([A-Z_]+)` +\| (\w+) +\|/gm)];
  expect(Object.fromEntries(rows.map(([, code, kind]) => [code, kind]))).toEqual(identity.errorKinds);
});

test("the README's functions are all exported", () => {
  const rows = section("Functions").match(/^\| .*`.*$/gm) ?? [];
  const names = rows.flatMap((row) => [...row.matchAll(/`(\w+)`/g)].map(([, name]) => name));
  expect(names.length).toBeGreaterThan(20);
  expect(names.filter((name) => !Object.hasOwn(identity, name ?? ""))).toEqual([]);
});
