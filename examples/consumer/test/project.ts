import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { freePort } from "@org/dev-kit/free-port";
import { packAll, pnpm, type Run, run, type Tarballs, tool } from "../src/packages.js";

const require = createRequire(import.meta.url);
const windows = process.platform === "win32";

const companions = {
  fastify: versionIn(require.resolve("fastify/package.json")),
  mongoose: versionIn(require.resolve("mongoose/package.json")),
  typescript: versionIn(require.resolve("typescript/package.json")),
  "@types/node": versionIn(require.resolve("@types/node/package.json")),
};

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
    env: { ...env(mongodbUri), PORT: String(await freePort()) },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  const stop = async () => {
    child.kill();
    await exited;
  };
  for await (const line of createInterface({ input: child.stdout })) {
    // Beside the lines of its log.
    const [address] = /^http:\S+$/.exec(line) ?? [];
    if (address) return { address, stop };
  }
  throw new Error(`${name} ended before it listened`);
}

async function install(folder: string, tarballs: Tarballs): Promise<void> {
  const manifest = { name: "consumer", private: true, type: "module" };
  await writeFile(join(folder, "package.json"), JSON.stringify(manifest));
  await writeFile(join(folder, "pnpm-workspace.yaml"), workspaceSettings(tarballs));
  const versions = Object.entries(companions).map(([name, version]) => `${name}@${version}`);
  await tool(pnpm, folder, ["add", "--prefer-offline", ...Object.values(tarballs), ...versions]);
}

// Our packages depend on each other, and are not in a registry yet: take those from the tarballs as well.
// Peers are not installed by themselves: a missing one must be seen. Newer releases of what Fastify injects requests with
// need Node 22, and Fastify itself does not.
function workspaceSettings(tarballs: Tarballs): string {
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

function env(mongodbUri: string): NodeJS.ProcessEnv {
  // A condition that the test runner was started with would lead a program to our sources.
  const { NODE_OPTIONS: _, ...rest } = process.env;
  return { ...rest, MONGODB_URI: mongodbUri };
}

function versionIn(manifest: string): string {
  return (require(manifest) as { version: string }).version;
}
