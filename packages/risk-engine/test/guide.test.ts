import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { bundleChild } from "@org/dev-kit/children";
import { expect, it } from "vitest";
import { errorKinds, presets } from "../src/index.js";

const read = (path: string) => readFile(new URL(`../../../${path}`, import.meta.url), "utf8");

async function outputOf(program: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "risk-guide-"));
  try {
    const file = join(folder, "program.mts");
    const source = new URL("../src/index.ts", import.meta.url).href;
    await writeFile(file, program.replaceAll('"@org/risk-engine"', JSON.stringify(source)));
    return (await promisify(execFile)(process.execPath, [await bundleChild(pathToFileURL(file))])).stdout;
  } finally {
    await rm(folder, { recursive: true });
  }
}

it("the guide's worked example prints what the guide says", async () => {
  const guide = await read("docs/guides/risk.md");
  const [, program = "", printed = ""] = /```ts\n(.*?)```.*?```text\n(.*?)```/s.exec(guide) ?? [];
  expect(printed).toContain("score");
  expect(await outputOf(program)).toBe(printed);
});

it("the guide names the thresholds and the prior's limits that the policy has", async () => {
  const guide = await read("docs/guides/risk.md");
  const { medium, high } = presets.balanced.thresholds;
  const rows = [...guide.matchAll(/^\| (below|[\d.]+ to|[\d.]+ and)[^|]*\| `\w+` *\| `\w+`.*$/gm)].map(
    ([row]) => row.replaceAll(/\s+/g, " "),
  );
  expect(rows).toEqual([
    `| below ${medium} | \`low\` | \`allow\` |`,
    `| ${medium} to ${high} | \`medium\` | \`challenge\`: ask for a second factor |`,
    `| ${high} and above | \`high\` | \`deny\` |`,
  ]);
});

it("the guide's figures are those of the evaluation", async () => {
  const [guide, evaluation] = await Promise.all([
    read("docs/guides/risk.md"),
    read("docs/risk-evaluation.md"),
  ]);
  const quoted = [...guide.matchAll(/^\| ([\w ]+?) +\| ([\d.]+) % +\| ([\d. /]+?) +\| ([\d. /]+?) +\|$/gm)];
  expect(quoted).toHaveLength(5);
  for (const [, attacker = "", percent = "", reference, ours] of quoted) {
    const [, section = ""] = evaluation.split("\n## Re-authentications\n");
    const rows = section.split("\n").map((line) => line.split("|").map((cell) => cell.trim()));
    const row = rows.find(
      ([, name, rate, ...cells]) =>
        name === attacker.toLowerCase() &&
        Math.round(Number(rate) * 1_000) === Number(percent) * 10 &&
        cells.length > 5,
    );
    const means = row?.map((cell) => /\((.+)\)/.exec(cell)?.[1]);
    expect([means?.[3], means?.[6]]).toEqual([reference, ours]);
  }
});

it("the README's program does what it shows", async () => {
  const readme = await read("packages/risk-engine/README.md");
  const [, program = ""] = /## Use\n\n```ts\n(.*?)```/s.exec(readme) ?? [];
  const [first, second] = (await outputOf(program)).split("\n");
  expect(first).toMatch(/^(challenge|deny) \d+\.\d \w+ \w+$/);
  expect(second).toMatch(/^(challenge|deny) .*session_country.*session_device.*session_requests/);
});

it("the README lists every error code with its kind, and no other", async () => {
  const readme = await read("packages/risk-engine/README.md");
  const rows = [...readme.matchAll(/^\| `([A-Z_]+)` +\| (\w+) +\|/gm)].map(([, code, kind]) => [code, kind]);
  expect(Object.fromEntries(rows)).toEqual(errorKinds);
});
