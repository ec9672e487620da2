import { CommanderError, type Command as Program } from "commander";
import { configuredNames } from "./completion.js";
import { type ExitCode, exitCodes } from "./errors.js";
import type { CliIo } from "./io.js";
import { toJson, toTerminal } from "./output/printable.js";
import { buildProgram } from "./program.js";

/**
 * Runs `org-db` as a function.
 *
 * @param argv arguments, without the interpreter and the script
 * @returns what the process should answer the shell with
 */
export async function runCli(argv: readonly string[], io: CliIo): Promise<ExitCode> {
  let exitCode: ExitCode = exitCodes.ok;
  const program = buildProgram(
    async (load, options, needs) => {
      const [{ runCommand }, command] = await Promise.all([import("./run-command.js"), load()]);
      exitCode = await runCommand(io, options, command, needs);
    },
    (text) => io.stdout.write(text),
    async (kind, config) => {
      const names = await configuredNames(io, kind, config).catch(() => []);
      io.stdout.write(names.map((name) => `${toTerminal(name)}\n`).join(""));
    },
  );
  for (const command of [program, ...program.commands]) speakThrough(io, command);
  try {
    assertArguments(program, argv);
    await program.parseAsync([...argv], { from: "user" });
    return exitCode;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return exitCodes.ok;
    if (isMisplaced(error, argv))
      io.stderr.write("Options follow the command: org-db plan --uri mongodb://127.0.0.1/shop\n");
    if (asksForJson(argv)) {
      const message = error.message.replace(/^error: /, "");
      io.stdout.write(`${toJson({ error: { code: "USAGE", message, details: {} } }, 2)}\n`);
    }
    return exitCodes.error;
  }
}

/** The parser takes any word for the argument of an option, the next option too: `--only --json` is a mistake. */
function assertArguments(program: Program, [name = "", ...words]: readonly string[]): void {
  const command = program.commands.find((one) => one.name() === name);
  if (!command) return;
  const optionOf = (word: string | undefined) => command.options.find(({ long }) => long === word);
  for (const [at, word] of words.entries()) {
    if (word === "--") return;
    const option = optionOf(word);
    if (option?.required && optionOf(words[at + 1]))
      command.error(`error: option '${option.flags}' argument missing`, {
        code: "commander.optionMissingArgument",
      });
  }
}

function isMisplaced({ code }: CommanderError, [first = ""]: readonly string[]): boolean {
  return code === "commander.unknownOption" && first.startsWith("-");
}

// The arguments are not understood, so whether JSON is wanted is read from them as they stand.
function asksForJson(argv: readonly string[]): boolean {
  const end = argv.indexOf("--");
  const own = argv.slice(0, end === -1 ? undefined : end);
  return own.some((arg, at) => arg === "--json" || `${arg} ${own[at + 1]}`.startsWith("--format json"));
}

/** Sends the parser's output to the caller's streams, and makes it throw instead of ending the process. */
function speakThrough(io: CliIo, command: Program): void {
  command.exitOverride().configureOutput({
    writeOut: (text) => io.stdout.write(toTerminal(text)),
    writeErr: (text) => io.stderr.write(toTerminal(text)),
  });
}
