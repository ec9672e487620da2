import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { snippetsOf } from "./snippets.js";

const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8");

// The programs in the packages' READMEs are installed, compiled and run; the first page shows the same programs.
test.each([
  ["db-models", "program"],
  ["db-optimizer", "program"],
  ["db-cli", "configuration"],
  ["risk-engine", "program"],
  ["fastify-identity", "server"],
] as const)("the first page shows what %s shows: a %s", (name, kind) => {
  const own = snippetsOf(name, read(`packages/${name}/README.md`)).filter((snippet) => snippet.kind === kind);
  const first = read("README.md");
  expect(own.length).toBeGreaterThan(0);
  expect(own.filter(({ code }) => first.includes(code))).not.toEqual([]);
});
