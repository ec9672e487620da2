import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { bundleChild } from "@org/dev-kit/children";
import { needs, useTemporaryDatabase } from "@org/dev-kit/vitest";
import { afterAll, beforeAll, expect, test } from "vitest";

import type { PauseReason, RejectionCode, StepName } from "../src/index.js";
import type { JobState } from "../src/jobs/index.js";

const database = useTemporaryDatabase({ label: "guide", per: "test" });
const guide = (name: string) => readFile(new URL(`../../../docs/guides/${name}.md`, import.meta.url), "utf8");
const modules = {
  "@org/db-optimizer": new URL("../src/index.ts", import.meta.url).href,
  "@org/db-optimizer/cleanup": new URL("../src/cleanup/index.ts", import.meta.url).href,
  mongoose: import.meta.resolve("mongoose"),
};
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "guides-"));
});
afterAll(() => rm(folder, { recursive: true }));

test("the programs of the guide on performance print what they say", () =>
  printsWhatItSays("performance", (programs) => programs));
// There one program goes on where the one before has ended.
needs("clusterMonitoring")("the programs of the guide on cleanup print what they say", () =>
  printsWhatItSays("cleanup", (programs) => [hoisted(programs.join(""))]),
);

async function printsWhatItSays(name: string, whole: (programs: string[]) => string[]): Promise<void> {
  const programs = [...(await guide(name)).matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => code ?? "");
  expect(programs).toHaveLength(2);
  for (const [index, program] of whole(programs).entries()) {
    const file = join(folder, `${name}-${index}.mts`);
    const local = Object.entries(modules).reduce(
      (code, [module, url]) => code.replaceAll(`"${module}"`, JSON.stringify(url)),
      program,
    );
    await writeFile(file, local);
    const env = { ...process.env, NO_COLOR: "1", FORCE_COLOR: "0", MONGODB_URI: database.uri };
    const { stdout } = await promisify(execFile)(process.execPath, [await bundleChild(pathToFileURL(file))], {
      env,
    });
    const promised = [...program.matchAll(/\); \/\/ (.*)$/gm)].map(([, text]) => `${text}\n`);
    expect(stdout).toBe(promised.join(""));
  }
}

function hoisted(program: string): string {
  const imports = program.match(/^import .*\n/gm) ?? [];
  return [...imports, program.replace(/^import .*\n/gm, "")].join("");
}

/** The names in the first column of the guide's tables. */
const firstCells = (text: string) =>
  [...text.matchAll(/^\| (`.*?`) +\|/gm)].flatMap(([, cell = ""]) => cell.match(/\w+/g) ?? []);

test("the cleanup guide has every state, and every reason for a pause", async () => {
  const states: Record<JobState | PauseReason, true> = {
    queued: true,
    running: true,
    paused: true,
    interrupted: true,
    failed: true,
    cancelling: true,
    cancelled: true,
    succeeded: true,
    requested: true,
    window: true,
    lag: true,
    flow_control: true,
    queue: true,
    index_build: true,
    oplog_short: true,
    disk_low: true,
    unreadable: true,
  };
  const text = await guide("cleanup");
  expect(firstCells(text.slice(text.indexOf("## Run it"))).sort()).toEqual(Object.keys(states).sort());
});

test("the performance guide has every kind of step and every reason for a rejection", async () => {
  const kinds: Record<StepName, true> = {
    create: true,
    unhide: true,
    hide: true,
    setTtl: true,
    setPrepareUnique: true,
    makeUnique: true,
    rebuild: true,
    removeTwin: true,
    startDrop: true,
    finishDrop: true,
    undoCreate: true,
    createCollection: true,
    setValidator: true,
    setExpiry: true,
  };
  const codes: Record<RejectionCode, true> = {
    no_waste: true,
    collection_too_small: true,
    no_indexable_field: true,
    cannot_explain: true,
    refused: true,
    declared_missing: true,
    hidden_index: true,
    exists: true,
    not_chosen: true,
    saves_too_little: true,
    merged: true,
  };
  const rows = firstCells(await guide("performance"));
  expect(rows.sort()).toEqual([...Object.keys(kinds), ...Object.keys(codes)].sort());
});

test("the health guide has every finding that the code can make", async () => {
  const text = await readFile(new URL("../../../docs/guides/health.md", import.meta.url), "utf8");
  const folder = new URL("../src/health/rules/", import.meta.url);
  const sources = (await readdir(folder)).filter((name) => name.endsWith("-rules.ts"));
  const files = [...sources, "../../storage/storage-rules.ts"];
  const code = (await Promise.all(files.map((name) => readFile(new URL(name, folder), "utf8")))).join("");
  const problems = ["collection_scan", "blocking_sort", "examines_too_much", "index_scan", "other_index"];
  const made = [
    ...[...code.matchAll(/"([A-Z]+(?:_[A-Z]+)+|STANDALONE|OVERLOADED)"/g)].map(([, name]) => `${name}`),
    ...problems.map((problem) => `QUERY_${problem.toUpperCase()}`),
  ].filter((name) => !/^(PRIMARY|SECONDARY|STARTUP)/.test(name));
  const told = [...text.matchAll(/`([A-Z]+(?:_[A-Z]+)+|STANDALONE|OVERLOADED)`/g)].map(
    ([, name]) => `${name}`,
  );
  expect([...new Set(told)].sort()).toEqual([...new Set(made)].sort());
});
