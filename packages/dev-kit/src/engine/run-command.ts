import { readFile, writeFile } from "node:fs/promises";

import { DevKitError } from "../errors.js";
import { pause, type StartContext } from "./context.js";
import { type ChildExit, supervise } from "./supervise.js";

const LINES_SHOWN = 12;
const POLL_MS = 100;

export interface CommandSpec {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd: string;
  /** Gets all output; kept by the caller or removed with its folder. */
  readonly logFile: string;
  /** Removed if this process dies meanwhile, or the command is aborted. */
  readonly scratch: readonly string[];
  /** Called about every 100 ms with all output so far. */
  readonly onOutput?: (output: string) => void;
  /** The command is stopped when it has printed nothing for so long. Default: no bound. */
  readonly silentForMs?: number;
}

/**
 * Runs a command to its end, under supervision, and returns what it printed.
 *
 * @throws {DevKitError} `ENGINE_BUILD_FAILED` with the end of the output when it does not exit with 0, `ENGINE_ABORTED`
 */
export async function runCommand(spec: CommandSpec, context: StartContext): Promise<string> {
  await writeFile(spec.logFile, "");
  const child = await supervise({
    command: spec.command,
    args: spec.args,
    env: spec.env ?? context.env,
    cwd: spec.cwd,
    logFile: spec.logFile,
    removeAtEnd: spec.scratch,
    graceMs: 3_000,
  });
  try {
    const exit = await watch(spec, child.exited, context);
    const output = await readFile(spec.logFile, "utf8");
    if (exit.code === 0) return output;
    const outcome = exit.signal ? `was stopped by ${exit.signal}` : `exited with ${exit.code}`;
    throw commandFailed(spec, outcome, output);
  } finally {
    await child.stop({ keepFiles: true });
  }
}

async function watch(spec: CommandSpec, exited: Promise<ChildExit>, context: StartContext) {
  let exit: ChildExit | undefined;
  void exited.then((value) => {
    exit = value;
  });
  let length = 0;
  let spokenAt = Date.now();
  while (!exit) {
    const output = await readFile(spec.logFile, "utf8");
    if (output.length !== length) spokenAt = Date.now();
    length = output.length;
    spec.onOutput?.(output);
    if (Date.now() - spokenAt > (spec.silentForMs ?? Number.POSITIVE_INFINITY)) {
      throw commandFailed(spec, `printed nothing for ${Date.now() - spokenAt} ms`, output);
    }
    await pause(POLL_MS, context.signal);
  }
  return exit;
}

function commandFailed(spec: CommandSpec, outcome: string, output: string): DevKitError {
  const tail = output.trimEnd().split("\n").slice(-LINES_SHOWN).join("\n");
  return new DevKitError("ENGINE_BUILD_FAILED", `${spec.command} ${outcome}${tail ? `\n${tail}` : ""}`);
}
