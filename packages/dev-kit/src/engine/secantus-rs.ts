import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

import { DevKitError, messageOf } from "../errors.js";
import type { CacheRecipe } from "./cache.js";
import { obtainCached } from "./cached-program.js";
import { findExecutable, isExecutable, requireExecutable, type StartContext } from "./context.js";
import type { EngineProgram } from "./launch.js";
import type { ObtainedProgram } from "./obtained-program.js";
import { createVenv } from "./python-venv.js";
import { runCommand } from "./run-command.js";

/** The release that dev-kit builds. */
export const rustServerVersion = "0.5.3-beta.196";
const LIBCLANG = "libclang==18.1.1";
const PROGRESS_EVERY_MS = 15_000;
const execFileAsync = promisify(execFile);

export async function installedRustServer(context: StartContext): Promise<ObtainedProgram> {
  const onPath = await findExecutable("secantusd-rs", context.env);
  if (onPath) return { program: program(onPath) };
  const cached = recipe(context);
  const flaw = await cached.check();
  if (flaw) throw new DevKitError("ENGINE_CACHE_BROKEN", `not on PATH; in the cache, ${flaw}`);
  return { program: program(binaryIn(cached.entry)) };
}

export function buildRustServer(context: StartContext): Promise<ObtainedProgram> {
  const cached = recipe(context);
  return obtainCached(cached, program(binaryIn(cached.entry)), context);
}

function program(command: string): EngineProgram {
  return { kind: "secantus-rs", command, leadingArgs: [] };
}

function binaryIn(entry: string): string {
  return join(entry, "bin", "secantusd-rs");
}

function recipe(context: StartContext): CacheRecipe {
  const entry = join(context.cacheDir, rustServerVersion);
  return {
    entry,
    purpose: "building the engine",
    check: () => flawOf(binaryIn(entry)),
    build: (staging, logFile) => cargoInstall(staging, logFile, context),
  };
}

async function flawOf(binary: string): Promise<string | undefined> {
  if (!(await isExecutable(binary))) return `${binary} is missing or not executable`;
  try {
    const { stdout } = await execFileAsync(binary, ["--version"], { timeout: 10_000 });
    return stdout.includes(rustServerVersion) ? undefined : `${binary} says it is ${stdout.trim()}`;
  } catch (error) {
    return `${binary} does not run: ${messageOf(error)}`;
  }
}

async function cargoInstall(staging: string, logFile: string, context: StartContext): Promise<void> {
  const tools = "install Rust (cargo), cmake and a C compiler";
  const cargo = await requireExecutable(["cargo"], context.env, tools);
  await requireExecutable(["cmake"], context.env, tools);
  const compiler = await requireExecutable(["cc", "gcc", "clang"], context.env, tools);
  context.log(`building secantusd-rs ${rustServerVersion} with cargo: once, about 6 minutes on two cores`);
  const env = {
    ...context.env,
    ...(await clangEnvironment(compiler, staging, logFile, context)),
    CARGO_TARGET_DIR: join(staging, "target"),
  };
  await runCommand(
    {
      command: cargo,
      args: ["install", "--locked", "--ignore-rust-version", "secantus-mdb"].concat([
        "--version",
        rustServerVersion,
        "--root",
        join(staging, "entry"),
      ]),
      env,
      cwd: staging,
      logFile,
      scratch: [staging],
      onOutput: cargoProgress(context),
    },
    context,
  );
}

// bindgen needs libclang: the wheel brings it, so that no system package is asked for.
async function clangEnvironment(compiler: string, staging: string, logFile: string, context: StartContext) {
  if (context.env.LIBCLANG_PATH) return {};
  const venv = await createVenv(join(staging, "clang"), LIBCLANG, logFile, [staging], context);
  const { stdout } = await execFileAsync(compiler, ["-print-file-name=include"], { signal: context.signal });
  return {
    LIBCLANG_PATH: join(venv.sitePackages, "clang", "native"),
    BINDGEN_EXTRA_CLANG_ARGS: `-I${stdout.trim()}`,
  };
}

function cargoProgress(context: StartContext): (output: string) => void {
  const begun = Date.now();
  let reportAt = begun + PROGRESS_EVERY_MS;
  return (output) => {
    if (Date.now() < reportAt) return;
    reportAt = Date.now() + PROGRESS_EVERY_MS;
    const crates = output.match(/^\s*Compiling /gm)?.length ?? 0;
    context.log(
      `building the engine: ${crates} crates compiled, ${Math.round((Date.now() - begun) / 1_000)} s`,
    );
  };
}
