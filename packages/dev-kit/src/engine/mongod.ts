import { rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { DevKitError } from "../errors.js";
import { findExecutable, isExecutable, type StartContext, temporaryFolder } from "./context.js";
import type { ObtainedProgram } from "./obtained-program.js";
import { runCommand } from "./run-command.js";

const locatorFile = fileURLToPath(new URL("./locate-mongod.mjs", import.meta.url));
const SILENT_FOR_MS = 20_000;
const PROGRESS_EVERY_MS = 5_000;

export async function installedMongod({ env }: StartContext): Promise<ObtainedProgram> {
  const named = env.MONGOMS_SYSTEM_BINARY;
  if (named && !(await isExecutable(named))) {
    throw new DevKitError(
      "ENGINE_TOOL_MISSING",
      `MONGOMS_SYSTEM_BINARY names ${named}, which is no executable file`,
    );
  }
  const command = named || (await findExecutable("mongod", env));
  if (!command) throw new DevKitError("ENGINE_TOOL_MISSING", "mongod is not on PATH");
  return { program: { kind: "mongod", command, leadingArgs: [] } };
}

/** One attempt, in a process of its own: the library reads the environment and prints to the console. */
export async function downloadMongod(context: StartContext): Promise<ObtainedProgram> {
  const scratch = await temporaryFolder(context.env);
  try {
    const output = await runLocator(scratch, context);
    const command = /^mongod at (.+)$/m.exec(output)?.[1];
    if (command) return { program: { kind: "mongod", command, leadingArgs: [] } };
    throw new DevKitError("ENGINE_BUILD_FAILED", /^no mongod: (.+)$/m.exec(output)?.[1] ?? output);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

function runLocator(scratch: string, context: StartContext): Promise<string> {
  return runCommand(
    {
      command: process.execPath,
      args: [locatorFile],
      env: {
        ...context.env,
        MONGOMS_MAX_RETRIES: "1",
        // the library verifies the server's certificate only when this says so
        npm_config_strict_ssl: "true",
      },
      cwd: scratch,
      logFile: join(scratch, "locate.log"),
      scratch: [scratch],
      silentForMs: SILENT_FOR_MS,
      onOutput: downloadProgress(context),
    },
    context,
  );
}

function downloadProgress(context: StartContext): (output: string) => void {
  let reportAt = Date.now() + PROGRESS_EVERY_MS;
  return (output) => {
    const progress = /Downloading MongoDB[^\r\n]*/.exec(output.slice(output.lastIndexOf("Downloading")));
    if (!progress || Date.now() < reportAt) return;
    context.log(progress[0]);
    reportAt = Date.now() + PROGRESS_EVERY_MS;
  };
}
