// `--help`, completion and a word that is no command answer at once: what they load has no driver and no models in it.
import { fileURLToPath } from "node:url";
import { build, type Metafile } from "esbuild";
import { expect, test } from "vitest";
import { buildProgram } from "../src/program.js";
import { orgDb } from "./support.js";

const { metafile } = await build({
  entryPoints: [fileURLToPath(new URL("../src/bin.ts", import.meta.url))],
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  packages: "external",
  outdir: "out",
  write: false,
  metafile: true,
  logLevel: "silent",
});

/** The packages that a file of the output takes along without being asked to. */
function packagesOf(outputs: Metafile["outputs"], file: string, seen = new Set<string>()): Set<string> {
  for (const { path, external, kind } of outputs[file]?.imports ?? []) {
    if (kind !== "import-statement" || seen.has(path)) continue;
    seen.add(path);
    if (!external) packagesOf(outputs, path, seen);
  }
  return seen;
}

test("the command starts without the driver", () => {
  const [entry = ""] = Object.entries(metafile.outputs).flatMap(([file, { entryPoint }]) =>
    entryPoint?.endsWith("src/bin.ts") ? [file] : [],
  );
  const loaded = [...packagesOf(metafile.outputs, entry)].filter((path) => !/^(out\/|node:)/.test(path));
  expect(loaded).toEqual(["commander"]);
});

test("every command can be loaded when it is asked for", async () => {
  const loaded: string[] = [];
  const program = buildProgram(async (load) => {
    const command = await load();
    loaded.push(typeof command);
  });
  for (const [name, ...words] of program.commands
    .map((command) => command.name())
    .filter((name) => name !== "completion" && name !== "_names")
    .map((name) => (name === "migrate" ? [name, "status"] : [name])))
    await program.parseAsync([name ?? "", ...words], { from: "user" });
  expect(loaded).toEqual(loaded.map(() => "function"));
  expect(loaded.length).toBe(program.commands.length - 2);
});

test("the defaults that the help shows are those of the optimizer", async () => {
  const { storageLimitsSchema } = await import("@org/db-optimizer/health");
  const { stdout } = await orgDb(["storage", "--help"]);
  expect(stdout).toMatch(new RegExp(`to sample \\(default:\\s+${storageLimitsSchema.parse({}).sample}\\)`));
});
