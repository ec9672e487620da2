import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const require = createRequire(import.meta.url);
const root = fileURLToPath(new URL("../../../", import.meta.url));
const windows = process.platform === "win32";

/** The packages that users install, and the folder of each in the repository. */
export const published = {
  "@org/db-models": dirname(require.resolve("@org/db-models/package.json")),
  "@org/db-optimizer": dirname(require.resolve("@org/db-optimizer/package.json")),
  "@org/db-cli": dirname(require.resolve("@org/db-cli/package.json")),
  "@org/risk-engine": dirname(require.resolve("@org/risk-engine/package.json")),
  "@org/fastify-identity": dirname(require.resolve("@org/fastify-identity/package.json")),
} as const;

export type PackageName = keyof typeof published;

const companions = {
  fastify: versionIn(require.resolve("fastify/package.json")),
  mongoose: versionIn(require.resolve("mongoose/package.json")),
  typescript: versionIn(require.resolve("typescript/package.json")),
  "@types/node": versionIn(require.resolve("@types/node/package.json")),
};

/** How a program ended. A status other than 0 is an answer here, not an exception. */
interface Run {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program that listens. */
interface Server {
  readonly address: string;
  stop(): Promise<void>;
}

/** A project of somebody who has our packages from a registry: nothing in it points back into the repository. */
export interface Project {
  readonly folder: string;
  readonly compilation: Run;
  /** Runs a file that was compiled. */
  runProgram(name: string, mongodbUri: string): Promise<Run>;
  /** Starts a file that was compiled, which listens, and reads the address that it prints. */
  startServer(name: string, mongodbUri: string): Promise<Server>;
  /** Runs a command of the installed packages. */
  runBin(name: string, args: readonly string[], mongodbUri: string): Promise<Run>;
  remove(): Promise<void>;
}

/** Builds and packs the packages, installs them in an empty folder beside the given sources, and compiles those. */
export async function createProject(sources: Readonly<Record<string, string>>): Promise<Project> {
  const folder = await mkdtemp(join(tmpdir(), "org-consumer-"));
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    await install(folder, await packAll(folder));
    await writeSources(folder, sources);
    const tsc = join(folder, "node_modules/typescript/bin/tsc");
    const compilation = await run(process.execPath, [tsc, "-p", "tsconfig.json"], { cwd: folder });
    return { folder, compilation, ...commands(folder), remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

function commands(folder: string): Pick<Project, "runProgram" | "startServer" | "runBin"> {
  return {
    runProgram: (name, mongodbUri) =>
      run(process.execPath, [join(folder, "out", `${name}.js`)], { cwd: folder, env: env(mongodbUri) }),
    startServer: (name, mongodbUri) => startServer(folder, name, mongodbUri),
    runBin: (name, args, mongodbUri) =>
      run(join(folder, "node_modules/.bin", windows ? `${name}.cmd` : name), args, {
        cwd: folder,
        env: env(mongodbUri),
      }),
  };
}

async function startServer(folder: string, name: string, mongodbUri: string): Promise<Server> {
  const child = spawn(process.execPath, [join(folder, "out", `${name}.js`)], {
    cwd: folder,
    env: { ...env(mongodbUri), PORT: "0" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  const stop = async () => {
    child.kill();
    await exited;
  };
  for await (const line of createInterface({ input: child.stdout })) {
    const address = /http:\S+/.exec(line)?.[0];
    if (address) return { address, stop };
  }
  throw new Error(`${name} ended before it listened`);
}

/** @returns the tarball of each package. */
async function packAll(folder: string): Promise<Record<PackageName, string>> {
  const names = Object.keys(published) as PackageName[];
  // Taken from turbo's cache unless a source has changed: an old build would prove nothing about this one.
  await tool("turbo/bin/turbo", root, ["run", "build", ...names.map((name) => `--filter=${name}`)]);
  const tarballs = names.map(async (name) => {
    const packed = await tool(pnpm, published[name], ["pack", "--json", "--pack-destination", folder]);
    const { filename } = JSON.parse(packed.stdout) as { filename: string };
    return [name, filename] as const;
  });
  return Object.fromEntries(await Promise.all(tarballs)) as Record<PackageName, string>;
}

async function install(folder: string, tarballs: Record<PackageName, string>): Promise<void> {
  const manifest = { name: "consumer", private: true, type: "module" };
  await writeFile(join(folder, "package.json"), JSON.stringify(manifest));
  await writeFile(join(folder, "pnpm-workspace.yaml"), workspaceSettings(tarballs));
  const versions = Object.entries(companions).map(([name, version]) => `${name}@${version}`);
  await tool(pnpm, folder, ["add", "--prefer-offline", ...Object.values(tarballs), ...versions]);
}

// Our packages depend on each other, and are not in a registry yet: take those from the tarballs as well.
// Peers are not installed by themselves: a missing one must be seen. Newer releases of what Fastify injects requests with
// need Node 22, and Fastify itself does not.
function workspaceSettings(tarballs: Record<PackageName, string>): string {
  return [
    "overrides:",
    ...Object.entries(tarballs).map(([name, file]) => `  "${name}": "file:${file.replaceAll("\\", "/")}"`),
    '  "light-my-request": "6.6.0"',
    "autoInstallPeers: false",
    "strictPeerDependencies: true",
    "minimumReleaseAge: 4320",
    "",
  ].join("\n");
}

async function writeSources(folder: string, sources: Readonly<Record<string, string>>): Promise<void> {
  await mkdir(join(folder, "src"));
  await writeFile(join(folder, "tsconfig.json"), JSON.stringify(tsconfig));
  for (const [file, text] of Object.entries(sources)) await writeFile(join(folder, "src", file), text);
}

// The strictest settings that a user may have: declarations that fail under them are ours to fix.
const tsconfig = {
  compilerOptions: {
    target: "ES2022",
    lib: ["ES2023"],
    module: "NodeNext",
    types: ["node"],
    strict: true,
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
    verbatimModuleSyntax: true,
    skipLibCheck: false,
    rootDir: "src",
    outDir: "out",
  },
  include: ["src"],
};

const pnpm = "pnpm/bin/pnpm.cjs";

/** Runs a tool of the repository's root; turbo finds pnpm by PATH. */
async function tool(entry: string, cwd: string, args: readonly string[]): Promise<Run> {
  const modules = join(root, "node_modules");
  const path = `${join(modules, ".bin")}${delimiter}${process.env.PATH ?? ""}`;
  const result = await run(process.execPath, [join(modules, entry), ...args], {
    cwd,
    env: { ...process.env, PATH: path },
  });
  if (result.status === 0) return result;
  throw new Error(`${entry} ${args.join(" ")} ended with ${result.status}\n${result.stdout}${result.stderr}`);
}

function env(mongodbUri: string): NodeJS.ProcessEnv {
  // A condition that the test runner was started with would lead a program to our sources.
  const { NODE_OPTIONS: _, ...rest } = process.env;
  return { ...rest, MONGODB_URI: mongodbUri };
}

function run(
  file: string,
  args: readonly string[],
  options: { cwd: string; env?: NodeJS.ProcessEnv },
): Promise<Run> {
  return new Promise((resolve) => {
    const settings = { ...options, timeout: 150_000, maxBuffer: 2 ** 26, shell: windows };
    execFile(file, args, settings, (error, stdout, stderr) => {
      const status = error ? (typeof error.code === "number" ? error.code : -1) : 0;
      resolve({ status, stdout, stderr: error && status === -1 ? `${stderr}${error.message}` : stderr });
    });
  });
}

function versionIn(manifest: string): string {
  return (require(manifest) as { version: string }).version;
}
