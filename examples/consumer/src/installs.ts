// `npm run test:installs`: the packed packages installed by each package manager, and loaded by each supported Node, as ES
// modules and by require().
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packAll, published, type Run, run } from "./packages.js";
import { serveRegistry } from "./registry.js";

const names = Object.keys(published);
const companions = ["mongoose@9", "fastify@5"];
const all = [...names, ...companions];

/** Package managers by name: the command that adds packages. */
const managers: Readonly<Record<string, readonly string[]>> = {
  npm: ["npm", "install", "--no-audit", "--no-fund", "--prefer-offline"],
  pnpm: ["npx", "--yes", "pnpm@10.34.8", "add", "--prefer-offline"],
  "yarn 1": ["npx", "--yes", "yarn@1.22.22", "add", "--non-interactive"],
  "yarn 4": ["npx", "--yes", "-p", "@yarnpkg/cli-dist@4.9.2", "yarn", "add"],
  bun: ["npx", "--yes", "bun@1.2.21", "add"],
};

/** Versions of Node: the oldest that is supported, and the newest of each line. */
const nodes = ["20.19.0", "22", "24"];

/** Compilers, and the types of Node beside them: what users have today and what they will have tomorrow. */
const compilers = [
  ["typescript@5.7", "@types/node@20"],
  ["typescript@latest", "@types/node@latest"],
] as const;
const compilerOptions =
  "--strict --noEmit --skipLibCheck false --exactOptionalPropertyTypes --module nodenext --target es2023 --types node".split(
    " ",
  );

const programs = {
  "esm.mjs": `${names.map((name, at) => `import * as p${at} from "${name}";`).join("\n")}\nconsole.log(${names.map((_, at) => `Object.keys(p${at}).length > 0`).join(" && ")});\n`,
  "types.mts": names.map((name, at) => `export * as p${at} from "${name}";\n`).join(""),
  "commonjs.cjs": `console.log([${names.map((name) => `require("${name}")`).join(", ")}].every((one) => Object.keys(one).length > 0));\n`,
};

const folder = await mkdtemp(join(tmpdir(), "org-installs-"));
const failed: string[] = [];
const bin = join("node_modules", "@org", "db-cli", "bin", "org-db.js");
try {
  const registry = await serveRegistry(await packAll(folder));
  try {
    for (const [manager, command] of Object.entries(managers))
      await tryManager(manager, command, registry.address);
  } finally {
    await registry.close();
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
for (const line of failed) process.stdout.write(`FAILED ${line}\n`);
process.exitCode = failed.length > 0 ? 1 : 0;

async function tryManager(manager: string, command: readonly string[], address: string): Promise<void> {
  const project = join(folder, manager.replace(" ", ""));
  await mkdir(project);
  await write(project, address);
  const installed = await start(project, [...command, ...all]);
  if (!report(`${manager}: install`, installed)) return;
  // The oldest and the newest Node on what npm installed; the other managers differ in where they put the files.
  const versions = manager === "npm" ? nodes : nodes.slice(0, 1);
  for (const version of versions) {
    for (const program of ["esm.mjs", "commonjs.cjs"])
      report(
        `${manager}, Node ${version}: ${program}`,
        await start(project, ["npx", "--yes", "-p", `node@${version}`, "node", program]),
        /^true$/m,
      );
    report(
      `${manager}, Node ${version}: org-db`,
      await start(project, ["npx", "--yes", "-p", `node@${version}`, "node", bin, "--help"]),
      /Usage: org-db/,
    );
  }
  if (manager === "bun") await tryBunItself(project, command.slice(0, -1));
  if (manager !== "npm") return;
  for (const compiler of compilers) {
    const what = `${manager}, ${compiler.join(" with ")}`;
    if (!report(`${what}: install`, await start(project, [...command, "--save-dev", ...compiler]))) continue;
    report(`${what}: types`, await start(project, ["npx", "tsc", ...compilerOptions, "types.mts"]));
  }
}

/** Bun as the runtime: it reads the TypeScript of a configuration itself. After it comes the server, and there is none. */
async function tryBunItself(project: string, bun: readonly string[]): Promise<void> {
  await writeFile(
    join(project, "db.config.ts"),
    'import { Schema, type Connection } from "mongoose";\nexport default { models: (connection: Connection) => ({ A: connection.model("A", new Schema({ a: Number })) }) };\n',
  );
  const doctor = ["doctor", "--uri", "mongodb://127.0.0.1:1/none", "--timeout", "1"];
  const told = await start(project, [...bun, "--bun", bin, ...doctor]);
  report("bun itself: org-db doctor", { ...told, status: 0, stdout: told.stderr }, /^UNREACHABLE /);
}

async function write(project: string, address: string): Promise<void> {
  const files = {
    "package.json": JSON.stringify({
      name: "consumer",
      version: "1.0.0",
      private: true,
      type: "module",
      // A dependency of Fastify (light-my-request) needs Node 22 in newer releases; yarn 1 refuses it on Node 20, and so
      // does npm with `engine-strict`.
      resolutions: { "light-my-request": "6.6.0" },
      overrides: { "light-my-request": "6.6.0" },
    }),
    ".npmrc": `@org:registry=${address}\n`,
    ".yarnrc.yml": [
      "nodeLinker: node-modules",
      "enableTelemetry: false",
      `unsafeHttpWhitelist: ["127.0.0.1"]`,
      "npmScopes:",
      "  org:",
      `    npmRegistryServer: "${address.replace(/\/$/, "")}"`,
      "",
    ].join("\n"),
    "yarn.lock": "",
    ...programs,
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(project, name), text);
}

function start(cwd: string, [program = "", ...args]: readonly string[]): Promise<Run> {
  const { NODE_OPTIONS: _, ...env } = process.env;
  // Bun keeps what it has once installed by version, and these packages change under one.
  return run(program, args, { cwd, env: { ...env, BUN_INSTALL_CACHE_DIR: join(folder, "bun-cache") } });
}

function report(what: string, { status, stdout, stderr }: Run, expected = /^/): boolean {
  const passed = status === 0 && expected.test(stdout);
  process.stdout.write(`${passed ? "ok     " : "FAILED "} ${what}\n`);
  if (!passed) {
    failed.push(what);
    process.stdout.write(`${stdout}${stderr}\n`);
  }
  return passed;
}
