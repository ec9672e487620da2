import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";

import { errorKinds } from "../src/index.js";

test("the README lists every error code with its kind, and no other", async () => {
  const readme = await readFile(new URL("../README.md", import.meta.url), "utf8");
  const rows = [...readme.matchAll(/^\| `([A-Z_]+)` +\| (\w+) +\|/gm)].map(([, code, kind]) => [code, kind]);
  expect(Object.fromEntries(rows)).toEqual(errorKinds);
});
