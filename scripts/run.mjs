// Runs one of the root's tasks on a machine that has only Node and npm: brings pnpm, installs what the lockfile
// says, and goes on. Plain JavaScript without dependencies, because it runs before anything is installed.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { packageManager, engines } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const typescript = ["--conditions=@org/source", "--import", "tsx"];

const tasks = {
  demo: [...typescript, "examples/demo/src/main.ts"],
  start: [...typescript, "scripts/src/start.ts"],
  db: [...typescript, "scripts/src/db.ts"],
  docs: [...typescript, "scripts/src/docs.ts"],
  "test:installs": [...typescript, "examples/consumer/src/installs.ts"],
  registry: [...typescript, "examples/consumer/src/main.ts"],
  check: ["scripts/test.mjs", "format and lint", "types", "pure tests"],
  test: ["scripts/test.mjs"],
  "test:only": ["node_modules/vitest/vitest.mjs", "run"],
  "test:outside": ["node_modules/vitest/vitest.mjs", "run", "outside"],
  faults: ["scripts/faults.mjs"],
  "test:fuzz": [...typescript, "scripts/src/fuzz.ts"],
  "test:outside-clients": [...typescript, "scripts/src/outside-clients.ts"],
  "test:mutation": ["scripts/mutation.mjs"],
  "docs:pictures": [...typescript, "scripts/src/pictures.ts"],
  "docs:site": ["site/build.mjs"],
  build: ["node_modules/turbo/bin/turbo", "run", "build"],
  changeset: ["node_modules/@changesets/cli/bin.js"],
  "release:version": ["node_modules/@changesets/cli/bin.js", "version"],
  "release:publish": ["node_modules/@changesets/cli/bin.js", "publish"],
};

const [task, ...args] = process.argv.slice(2);
if (!Object.hasOwn(tasks, task ?? "")) {
  fail(`unknown task ${JSON.stringify(task)}; one of: ${Object.keys(tasks).join(", ")}`);
}
requireNode();
await install();
process.exit(await run(process.execPath, [...tasks[task], ...args]));

function requireNode() {
  const wanted = engines.node.replace(">=", "").split(".").map(Number);
  const have = process.versions.node.split(".").map(Number);
  const enough = have[0] > wanted[0] || (have[0] === wanted[0] && have[1] >= wanted[1]);
  if (!enough) fail(`Node ${engines.node} is needed; this is ${process.versions.node}`);
}

/** Installs when the lockfile or a manifest has changed since the last time. */
async function install() {
  const stamp = join(root, "node_modules", ".installed");
  const wanted = manifestsHash();
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;
  process.stderr.write(`installing dependencies with ${packageManager} …\n`);
  const pnpm = [
    "-y",
    packageManager,
    "install",
    "--frozen-lockfile",
    "--reporter=append-only",
    "--loglevel=error",
  ];
  const code = await run(process.platform === "win32" ? "npx.cmd" : "npx", pnpm, { stdout: 2 });
  if (code !== 0) fail(`the installation ended with status ${code}`);
  writeFileSync(stamp, wanted);
}

function manifestsHash() {
  const hash = createHash("sha256");
  const folders = [
    "",
    "scripts",
    "site",
    "benchmarks",
    ...["packages", "apps", "examples"].flatMap(foldersIn),
  ];
  for (const file of [
    "pnpm-lock.yaml",
    "pnpm-workspace.yaml",
    ...folders.map((folder) => join(folder, "package.json")),
  ]) {
    const path = join(root, file);
    if (existsSync(path)) hash.update(file).update(readFileSync(path));
  }
  return hash.digest("hex");
}

function foldersIn(parent) {
  const path = join(root, parent);
  return existsSync(path) ? readdirSync(path).map((name) => join(parent, name)) : [];
}

/** Runs a program to its end. A terminal's Ctrl-C reaches it by itself; a SIGTERM is handed on. */
function run(command, argv, { stdout = "inherit" } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, argv, {
      cwd: root,
      stdio: ["inherit", stdout, "inherit"],
      // The tasks start tools of node_modules by name.
      env: {
        ...process.env,
        PATH: `${join(root, "node_modules", ".bin")}${process.platform === "win32" ? ";" : ":"}${process.env.PATH}`,
      },
    });
    const handOn = () => child.kill("SIGTERM");
    const wait = () => undefined;
    process.on("SIGTERM", handOn);
    process.on("SIGINT", wait);
    child.on("error", reject);
    child.on("exit", (code, signal) => {
      process.off("SIGTERM", handOn);
      process.off("SIGINT", wait);
      resolve(signal ? 128 : (code ?? 1));
    });
  });
}

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}
