// A newcomer pastes docs/getting-started.md line by line into an empty folder. Once it left out the package that has the
// command, and its configuration had no imports.
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { temporaryDatabase } from "@org/dev-kit";
import type {} from "@org/dev-kit/vitest";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { packAll, root, tool } from "../src/packages.js";
import { type Registry, serveRegistry } from "../src/registry.js";
import { pastesOf } from "./pasted.js";
import { Shell } from "./shell.js";

const read = (path: string) => readFile(join(root, path), "utf8");
const page = await read("docs/getting-started.md");
const pastes = pastesOf(page);
const database = temporaryDatabase({ uri: inject("engine").uri, label: "started" });
let folder: string;
let registry: Registry;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "org-started-"));
  registry = await serveRegistry(await packAll(folder));
});

afterAll(async () => {
  await registry?.close();
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});

/** The engine of the tests and the packed packages stand for what a machine of a test has not: Docker, and a release. */
const standIns: readonly (readonly [line: RegExp, instead: string])[] = [
  [/^docker run .* mongo:8\.0$/, "true"],
  [/^export MONGODB_URI='mongodb:\/\/127\.0\.0\.1:27017\/identity'$/, `export MONGODB_URI='${database.uri}'`],
];

test("getting started works, pasted line by line in an empty folder", async () => {
  const shell = new Shell(folder, {
    "npm_config_@org:registry": registry.address,
    npm_config_prefer_offline: "true",
    npm_config_audit: "false",
    npm_config_fund: "false",
  });
  const printed = new Map<string, string>();
  const replaced: string[] = [];
  try {
    for (const paste of pastes) {
      if (paste.kind === "file") {
        await writeFile(resolve(await shell.folder(), paste.name), paste.text);
        continue;
      }
      const [, instead] = standIns.find(([line]) => line.test(paste.command)) ?? [];
      if (instead) replaced.push(paste.command);
      const { status, output } = await shell.run(instead ?? paste.command);
      expect({ command: paste.command, status, output }).toEqual({
        command: paste.command,
        status: paste.exits,
        output: expect.anything(),
      });
      printed.set(paste.command, output);
    }
    const project = await shell.folder();
    // The configuration is TypeScript, which an editor checks with the types of Node that it brings.
    const typeRoots = [join(root, "examples/consumer/node_modules/@types")];
    await writeFile(
      join(project, "tsconfig.json"),
      JSON.stringify({
        compilerOptions: { module: "NodeNext", strict: true, noEmit: true, types: ["node"], typeRoots },
        files: ["db.config.ts"],
      }),
    );
    await tool("typescript-native/bin/tsc", project, ["-p", ".", "--singleThreaded"]);
  } finally {
    shell.end();
  }
  expect(replaced).toHaveLength(standIns.length);
  const [, shown = ""] = /It prints `(.*?)`/.exec(page) ?? [];
  expect(printed.get("node sign-in.js")).toContain(shown);
});

test("the page shows the program and the expiry rules that the package's README shows", async () => {
  const readme = await read("packages/db-models/README.md");
  const program = pastes.find((paste) => paste.kind === "file" && paste.name === "sign-in.js");
  const [, code] = program?.kind === "file" ? (/^\/\/ [^\n]*\n(.*)$/s.exec(program.text) ?? []) : [];
  expect(code).toContain("openIdentity");
  expect(readme).toContain(code);
});
