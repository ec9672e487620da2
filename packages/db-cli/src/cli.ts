import { CommanderError, type Command as Program } from "commander";
import { type ExitCode, exitCodes } from "./errors.js";
import type { CliIo } from "./io.js";
import { buildProgram } from "./program.js";
import { runCommand } from "./run-command.js";

/**
 * Runs `org-db` as a function.
 *
 * @param argv arguments, without the interpreter and the script
 * @returns what the process should answer the shell with
 */
export async function runCli(argv: readonly string[], io: CliIo): Promise<ExitCode> {
  let exitCode: ExitCode = exitCodes.ok;
  const program = buildProgram(async (command, options, reading) => {
    exitCode = await runCommand(io, options, command, reading);
  });
  for (const command of [program, ...program.commands]) speakThrough(io, command);
  try {
    await program.parseAsync([...argv], { from: "user" });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError && isMisplaced(error, argv))
      io.stderr.write("Options follow the command: org-db plan --uri mongodb://127.0.0.1/shop\n");
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.error;
    throw error;
  }
}

function isMisplaced({ code }: CommanderError, [first = ""]: readonly string[]): boolean {
  return code === "commander.unknownOption" && first.startsWith("-");
}

/** What the parser has to say goes where the caller wants it, and ends in a thrown error rather than the process. */
function speakThrough(io: CliIo, command: Program): void {
  command.exitOverride().configureOutput({
    writeOut: (text) => io.stdout.write(text),
    writeErr: (text) => io.stderr.write(text),
  });
}
