// Ways in which people write a configuration, from public reports: cosmiconfig #345, ts-node #1871, tsx #286, #388 and
// #488, cypress #23552, ESLint's RFC 117; esbuild #257 for emitDecoratorMetadata; model folders read by readdirSync(__dirname),
// as Sequelize's generator and many Mongoose projects do. Right: it loads, or the message says
// what this loader lacks. Each runs the command as a process: loaders and hooks are the process's own.
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";

import { startOrgDb } from "../org-db-process.js";

const database = useTemporaryDatabase({ label: "config_forms" });
vi.setConfig({ testTimeout: 120_000 });

const esm = '{ "type": "module" }';
const commonJs = '{ "name": "shop" }';
const schema = (of = "Schema") => `const orders = new ${of}({ number: { type: Number, index: true } });\n`;
const body = '{ models: (connection) => ({ Order: connection.model("Order", orders) }) }';
const plain = `import { Schema } from "mongoose";\n${schema()}export default ${body};\n`;
const models = `import { Schema } from "mongoose";\nexport ${schema()}`;
const byPath = `import { orders } from "@models/models";\nexport default ${body};`;
const paths = '{ "compilerOptions": { "baseUrl": ".", "paths": { "@models/*": ["src/*"] } } }';
const legacy = '{ "compilerOptions": { "experimentalDecorators": true } }';
const decorated = `const field = (_target: unknown, key: unknown) => {
  if (typeof key !== "string") throw new Error("not the decorators of experimentalDecorators");
};
class Order { @field number = 1 }
void Order;
${plain}`;

type Files = Readonly<Record<string, string>>;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "org-db-config-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

let projects = 0;

async function project(files: Files, name = `project-${projects++}`): Promise<string> {
  const at = join(folder, name);
  for (const [file, text] of Object.entries(files)) {
    await mkdir(dirname(join(at, file)), { recursive: true });
    await writeFile(join(at, file), text);
  }
  await mkdir(join(at, "node_modules"), { recursive: true });
  const mongoose = dirname(createRequire(import.meta.url).resolve("mongoose/package.json"));
  await symlink(mongoose, join(at, "node_modules", "mongoose"));
  return at;
}

async function check(at: string, ...args: string[]) {
  const ran = await startOrgDb(["plan", "--check", ...args], { MONGODB_URI: database.uri }, undefined, at);
  return { code: ran.code, said: ran.stdout + ran.stderr };
}

// An index is missing, which is exit code 2: the models were read.
describe("loads", () => {
  test.each<[string, Files, string[]?]>([
    [
      "top-level await where .ts is CommonJS",
      { "package.json": commonJs, "db.config.ts": `await null;\n${plain}` },
    ],
    [
      "top-level await in what it imports",
      {
        "package.json": commonJs,
        "models.ts": `await null;\n${models}`,
        "db.config.ts": `import { orders } from "./models.js";\nexport default ${body};`,
      },
    ],
    ["top-level await in .mts", { "package.json": commonJs, "db.config.mts": `await null;\n${plain}` }],
    ["db.config.cts without --config", { "package.json": esm, "db.config.cts": plain }],
    [
      "db.config.cjs without --config",
      {
        "package.json": esm,
        "db.config.cjs": `const { Schema } = require("mongoose");\n${schema()}module.exports = ${body};`,
      },
    ],
    [
      "export =",
      {
        "package.json": commonJs,
        "db.config.ts": `import mongoose = require("mongoose");\n${schema("mongoose.Schema")}export = ${body};`,
      },
    ],
    [
      "JavaScript that imports TypeScript",
      {
        "package.json": esm,
        "models.ts": models,
        "db.config.js": `import { orders } from "./models.ts";\nexport default ${body};`,
      },
    ],
    [
      "paths of the tsconfig.json beside it",
      { "package.json": esm, "tsconfig.json": paths, "src/models.ts": models, "db.config.ts": byPath },
    ],
    [
      "paths, from the root of a monorepo",
      {
        "apps/api/package.json": esm,
        "apps/api/tsconfig.json": paths,
        "apps/api/src/models.ts": models,
        "apps/api/db.config.ts": byPath,
      },
      ["--config", "apps/api/db.config.ts"],
    ],
    [
      "legacy decorators, from the root of a monorepo, by a tsconfig.json that extends another",
      {
        "tsconfig.base.json": legacy,
        "apps/api/package.json": esm,
        "apps/api/tsconfig.json": '{ "extends": "../../tsconfig.base.json" }',
        "apps/api/db.config.ts": decorated,
      },
      ["--config", "apps/api/db.config.ts"],
    ],
    [
      "a promise of a configuration",
      { "package.json": esm, "db.config.ts": plain.replace(body, `Promise.resolve(${body})`) },
    ],
    [
      "models from the folder of a .ts file that is CommonJS",
      {
        "package.json": commonJs,
        "models/order.ts": models,
        "db.config.ts": `const { readdirSync } = require("node:fs");
const { join } = require("node:path");
const [file] = readdirSync(join(__dirname, "models"));
const { orders } = require(join(__dirname, "models", file));
if (__filename !== join(__dirname, "db.config.ts")) throw new Error(__filename);
module.exports = ${body};`,
      },
    ],
    [
      "models from the folder of a .cts file, which a module imports",
      {
        "package.json": esm,
        "src/models/order.cts": models,
        "src/all.cts": `import { join } from "node:path";
export const { orders } = require(join(__dirname, "models", "order.cts"));`,
        "db.config.ts": `import { orders } from "./src/all.cts";\nexport default ${body};`,
      },
    ],
    ["a byte order mark", { "package.json": esm, "db.config.ts": `\uFEFF${plain}` }],
  ])("%s", async (_name, files, args = []) => {
    expect(await check(await project(files), ...args)).toMatchObject({ code: 2 });
  });

  test.each(["my shop", "shop #1", "50% off", "größe", "a'b\"c", "a%20b", "[x]"])(
    "from the folder %s",
    async (name) => {
      const imports = `import { orders } from "./models.js";\nexport default ${body};`;
      const at = await project({ "package.json": esm, "models.ts": models, "db.config.ts": imports }, name);
      expect(await check(at)).toMatchObject({ code: 2 });
    },
  );

  test("through a symbolic link, with the Mongoose beside the real file", async () => {
    const at = await project({ "package.json": esm, "db.config.ts": plain });
    const elsewhere = join(folder, "linked");
    await mkdir(elsewhere);
    await symlink(join(at, "db.config.ts"), join(elsewhere, "db.config.ts"));
    expect(await check(elsewhere)).toMatchObject({ code: 2 });
  });
});

test("a class whose types come from emitDecoratorMetadata: the message names the setting and what to do", async () => {
  const config = `const Prop = () => () => { throw new Error("Cannot determine a type for the name field"); };
class Cat { @Prop() name!: string }
export default { models: () => [Cat] };`;
  const tsconfig = '{ "compilerOptions": { "experimentalDecorators": true, "emitDecoratorMetadata": true } }';
  const at = await project({ "package.json": esm, "tsconfig.json": tsconfig, "db.config.ts": config });
  const { code, said } = await check(at);
  expect(code).toBe(1);
  expect(said).toContain("CONFIG_FAILED");
  expect(said).toMatch(/emitDecoratorMetadata.*compile the project/s);
});

// cnodejs/nodeclub, mohamedsamara/mern-ecommerce, hyperdxio/hyperdx and most tutorials: models of Mongoose's default connection.
test("models of the default connection are read, and set up over the command's own", async () => {
  const at = await project({
    "package.json": esm,
    "models.js": `import mongoose from "mongoose";
const thing = mongoose.model("Thing", new mongoose.Schema({ name: { type: String, unique: true } }, { collection: "default_things" }));
thing.discriminator("SmallThing", new mongoose.Schema({ size: { type: Number, index: true } }));
`,
    "db.config.js": `import mongoose from "mongoose";
import "./models.js";
export default { models: () => mongoose.models };
`,
  });
  const run = (...args: string[]) => startOrgDb(args, { MONGODB_URI: database.uri }, undefined, at);
  expect(await run("setup")).toMatchObject({ code: 0 });
  expect(await run("plan", "--check")).toMatchObject({ code: 0 });
  const indexes = await database.connection.collection("default_things").indexes();
  expect(indexes.map(({ name }) => name)).toEqual(["_id_", "name_1", "size_1"]);
});
