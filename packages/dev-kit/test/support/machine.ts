import { chmod, mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { onTestFinished } from "vitest";

import type { EngineFlavor } from "../../src/capabilities.js";
import { pythonServerVersion } from "../../src/engine/secantus-py.js";
import { rustServerVersion } from "../../src/engine/secantus-rs.js";
import { type Engine, type StartEngineOptions, startEngine } from "../../src/index.js";

const versions = { mongod: "8.0.1", "secantus-rs": rustServerVersion, "secantus-py": pythonServerVersion };
const fakeServer = fileURLToPath(new URL("./fake-server.mjs", import.meta.url));

export type FakeBehaviour = "serve" | "crash" | "hang";

/** A computer on which nothing is installed but what a test puts there. */
export interface Machine {
  readonly root: string;
  readonly env: NodeJS.ProcessEnv;
  readonly bin: string;
  readonly cache: string;
  /** Everything that was logged by `start`. */
  readonly lines: string[];
  start(options?: StartEngineOptions): Promise<Engine>;
}

export async function makeMachine(): Promise<Machine> {
  const root = await realpath(await mkdtemp(join(tmpdir(), "dev-kit-test-")));
  const [bin, cache, tmp] = ["bin", "cache", "tmp"].map((name) => join(root, name)) as [
    string,
    string,
    string,
  ];
  await Promise.all([bin, cache, tmp].map((folder) => mkdir(folder)));
  const env: NodeJS.ProcessEnv = {
    PATH: bin,
    HOME: root,
    TMPDIR: tmp,
    ORG_DB_ENGINE_CACHE: cache,
    // Downloads end at once, at a port where nobody listens.
    MONGOMS_DOWNLOAD_DIR: join(root, "mongod"),
    MONGOMS_DOWNLOAD_MIRROR: "http://127.0.0.1:9",
    MONGOMS_USE_HTTP: "true",
  };
  const lines: string[] = [];
  const engines: Engine[] = [];
  onTestFinished(async () => {
    await Promise.all(engines.map((engine) => engine.stop()));
    await rm(root, { recursive: true, force: true, maxRetries: 5 });
  });
  const start = async (options: StartEngineOptions = {}) => {
    const engine = await startEngine({ env, log: (line) => lines.push(line), ...options });
    engines.push(engine);
    return engine;
  };
  return { root, env, bin, cache, lines, start };
}

async function writeScript(file: string, body: string): Promise<string> {
  await mkdir(join(file, ".."), { recursive: true });
  await writeFile(file, `#!/bin/sh\n${body}\n`);
  await chmod(file, 0o755);
  return file;
}

/** A shell script that behaves like an engine's server program. */
export function fakeEngine(
  file: string,
  flavor: EngineFlavor,
  behaviour: FakeBehaviour = "serve",
  version = "",
) {
  const told = `secantusd-rs ${version || versions[flavor]}`;
  return writeScript(
    file,
    `if [ "$1" = --version ]; then echo "${told}"; else exec ${serverCommand(flavor, behaviour, version)} "$@"; fi`,
  );
}

function serverCommand(flavor: EngineFlavor, behaviour: FakeBehaviour, version: string): string {
  const description = JSON.stringify({ flavor, version: version || versions[flavor], behaviour });
  return `"${process.execPath}" "${fakeServer}" '${description}'`;
}

export function cachedRust(machine: Machine): string {
  return join(machine.cache, rustServerVersion, "bin", "secantusd-rs");
}

export function cachedPython(machine: Machine): string {
  return join(machine.cache, pythonServerVersion);
}

/**
 * A `cargo` (with cmake, a compiler and a libclang) whose build installs a fake server. Each
 * build adds a line to `builds` in the machine's root.
 */
export async function fakeCargo(machine: Machine, commands = ":"): Promise<void> {
  machine.env.LIBCLANG_PATH = machine.root;
  const built = await fakeEngine(join(machine.root, "built", "secantusd-rs"), "secantus-rs");
  for (const tool of ["cmake", "cc"]) await writeScript(join(machine.bin, tool), "exit 0");
  await writeScript(
    join(machine.bin, "cargo"),
    `PATH=/usr/bin:/bin
echo $$ >>"${machine.root}/builds"
echo "   Compiling fake v1.0.0"
while [ $# -gt 0 ]; do
  if [ "$1" = --root ]; then root=$2; fi
  shift
done
${commands}
mkdir -p "$root/bin" "$CARGO_TARGET_DIR"
cp "${built}" "$root/bin/secantusd-rs"`,
  );
}

/** A `python3` whose virtual environments get a fake server from `pip install`. */
export async function fakePython(machine: Machine): Promise<void> {
  const server = serverCommand("secantus-py", "serve", "");
  const inner = await writeScript(
    join(machine.root, "python-of-venv"),
    `PATH=/usr/bin:/bin
if [ "$1" = -m ]; then
  echo install >>"${machine.root}/installs"
  echo "Successfully installed" && touch "$(dirname "$0")/secantusd-py"
else
  shift
  exec ${server} "$@"
fi`,
  );
  await writeScript(
    join(machine.bin, "python3"),
    `PATH=/usr/bin:/bin
mkdir -p "$3/bin" "$3/lib/python3.12" && cp "${inner}" "$3/bin/python"`,
  );
}
