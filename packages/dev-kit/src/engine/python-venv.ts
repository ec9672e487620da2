import { readdir } from "node:fs/promises";
import { join } from "node:path";

import { DevKitError } from "../errors.js";
import { requireExecutable, type StartContext } from "./context.js";
import { runCommand } from "./run-command.js";

export interface Venv {
  readonly python: string;
  readonly sitePackages: string;
}

/**
 * Makes a virtual environment and installs one requirement into it.
 *
 * @param scratch removed if this process dies meanwhile
 * @throws {DevKitError} `ENGINE_TOOL_MISSING`, `ENGINE_BUILD_FAILED`
 */
export async function createVenv(
  folder: string,
  requirement: string,
  logFile: string,
  scratch: readonly string[],
  context: StartContext,
): Promise<Venv> {
  const interpreter = await requireExecutable(
    ["python3", "python"],
    context.env,
    "install Python 3.10 or later",
  );
  const cwd = join(folder, "..");
  const run = (command: string, args: string[]) =>
    runCommand({ command, args, cwd, logFile, scratch }, context);
  await run(interpreter, ["-m", "venv", folder]);
  const python = join(folder, "bin", "python");
  await run(python, ["-m", "pip", "install", "--disable-pip-version-check", "--no-input", requirement]);
  return { python, sitePackages: await sitePackagesOf(folder) };
}

async function sitePackagesOf(folder: string): Promise<string> {
  const versions = await readdir(join(folder, "lib"));
  const version = versions.find((name) => name.startsWith("python3"));
  if (version) return join(folder, "lib", version, "site-packages");
  throw new DevKitError("ENGINE_BUILD_FAILED", `${folder} holds no Python 3 library folder`);
}
