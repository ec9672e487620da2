import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { bundleChild } from "@org/dev-kit/children";
import { needs, useTemporaryDatabase } from "@org/dev-kit/vitest";
import type { Model } from "mongoose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { retentionSchema } from "../src/core/policies/retention.js";
import { defineModels } from "../src/index.js";

const guide = (name: string) => readFile(new URL(`../../../docs/guides/${name}.md`, import.meta.url), "utf8");
const modules = {
  "@org/db-models": new URL("../src/index.ts", import.meta.url).href,
  "@org/db-models/core": new URL("../src/core/index.ts", import.meta.url).href,
  "@org/db-optimizer": import.meta.resolve("@org/db-optimizer"),
  mongoose: import.meta.resolve("mongoose"),
};
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "guides-"));
});
afterAll(() => rm(folder, { recursive: true }));

/** The programs of a guide: each begins with the imports, and the blocks after it go on with it. */
function programsOf(text: string): string[] {
  const blocks = [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => code ?? "");
  const programs: string[] = [];
  for (const block of blocks) {
    if (block.startsWith("import")) programs.push(block);
    else programs.push(`${programs.pop() ?? ""}${block}`);
  }
  return programs;
}

describe.each([
  [
    "accounts",
    [
      /^true \{\n {2}ok: false,\n {2}reason: 'used',\n {2}userId: .*\n\}\ntrue false\n\{ ok: false, reason: 'rotated' \} true\n$/,
      /^\{ code: 'PASSWORD_TOO_COMMON', reason: 'context' \}\n$/,
    ],
  ],
  ["api-keys", [/^true 999\n\[ true, true \]\n\{ ok: false, reason: 'revoked' \}\nfalse true\n$/]],
  ["audit", [/^0\ntrue 1\n\{[^}]*sequence: 0,\s*problem: 'chain_missing'\s*\}\n$/]],
  [
    "migration",
    [/^switched true\nreverting,expand,off 1\nfalse true\n$/, /^switched true London\nVenice\n$/],
  ],
  ["not-me", [/^true false\n$/]],
  ["oauth-storage", [/^true \[ 'repo:read' \]\ntrue true\nfalse false\n\{ active: false \}\ntrue\n$/]],
  [
    "privacy",
    [
      /^\{"type":"export".*\n(\{"type":"document".*\n){2}\{"type":"end","documents":2\}\n1 0\n$/,
      /^risk_high string\n$/,
    ],
  ],
  ["session-cache", [/^true\nfalse\n$/]],
  [
    "second-factors",
    [
      /^otpauth:\/\/totp\/Example:ada%40example\.com\nmalformed\n\{ action: 'allow', enrol: false \}\n$/,
      /^required\nmalformed\n$/,
    ],
  ],
  ["sessions", [/^true true\nevicted true\ntrue true\nfalse false\n$/]],
])("the %s guide", (name, outputs) => {
  const temporary = useTemporaryDatabase({ label: "guides" });

  // A migration waits for signals of the load that its user may not read.
  const test = name === "migration" ? needs("clusterMonitoring") : needs();
  test("does what its code says it prints", async () => {
    for (const model of Object.values(defineModels(temporary.connection)) as Model<unknown>[]) {
      await model.createIndexes();
    }
    const programs = programsOf(await guide(name));
    expect(programs).toHaveLength(outputs.length);
    for (const [index, program] of programs.entries()) {
      const file = join(folder, `${name}-${index}.mts`);
      const local = Object.entries(modules).reduce(
        (code, [name, url]) => code.replaceAll(`"${name}"`, JSON.stringify(url)),
        program,
      );
      await writeFile(file, local);
      const env = { ...process.env, NO_COLOR: "1", FORCE_COLOR: "0", MONGODB_URI: temporary.uri };
      const { stdout } = await promisify(execFile)(
        process.execPath,
        [await bundleChild(pathToFileURL(file))],
        { env },
      );
      expect(stdout).toMatch(outputs[index] as RegExp);
    }
  });
});

it("the privacy guide has every retention", async () => {
  const rows = [...(await guide("privacy")).matchAll(/^\| `(\w+Ms)` /gm)].map(([, field]) => field);
  expect(rows.sort()).toEqual(Object.keys(retentionSchema.shape).sort());
});
