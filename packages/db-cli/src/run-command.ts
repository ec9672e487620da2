import { toOptimizerError } from "@org/db-optimizer";

import type { Command, Context, Outcome } from "./command.js";
import { CliError, type ExitCode, exitCodes } from "./errors.js";
import { type Failure, failureOf } from "./failure.js";
import type { CliIo } from "./io.js";
import { toJson, toTerminal, withNamesInLines } from "./output/printable.js";
import { ProgressLine } from "./output/progress.js";
import { paintFor } from "./output/style.js";
import { namesOf, type SessionNeeds, type SessionOptions, withSession } from "./session.js";
import { listenForUnhandled } from "./unhandled.js";

/** Options that every command takes. */
export interface CommonOptions extends SessionOptions {
  readonly json?: boolean;
}

/**
 * Runs a command between opening and closing the database, and prints what it came to: the result on stdout, everything
 * else on stderr.
 *
 */
export async function runCommand<Options extends object>(
  io: CliIo,
  options: Options & CommonOptions,
  command: Command<Options>,
  needs: SessionNeeds,
): Promise<ExitCode> {
  const { reading } = needs;
  const json = wantsJson(options);
  const progress = new ProgressLine(io.stderr, () => io.now().getTime());
  let began = false;
  let names: readonly object[] = [];
  const interrupt = listenForInterrupt(io, progress, () => began);
  const unhandled = listenForUnhandled(io, progress, interrupt.abort);
  const stay = io.onLeft?.(() => {
    progress.clear();
    return printFailure(io, failureOf(leftError(), reading), json, began && !reading, names);
  });
  try {
    const outcome = await withSession(io, options, needs, interrupt.signal, (session) => {
      const paint = paintFor(io.stdout, io.env);
      const context: Context = {
        ...session,
        signal: interrupt.signal,
        progress,
        paint,
        stdout: io.stdout,
        onKey: (listener) => io.onKey?.(listener) ?? (() => undefined),
        lowerPriority: () => io.lowerPriority?.(),
        now: () => io.now(),
      };
      names = namesOf(session);
      began = true;
      return command(context, options).catch(withCode);
    });
    progress.clear();
    const thrown = unhandled.thrown();
    if (thrown) throw thrown;
    const shortcoming = outcome.shortcoming && failureOf(outcome.shortcoming, reading);
    printOutcome(io, outcome, json, shortcoming, names);
    if (shortcoming) explain(io, shortcoming, !reading, names);
    return outcome.exitCode;
  } catch (error) {
    progress.clear();
    return printFailure(io, failureOf(unhandled.thrown() ?? error, reading), json, began && !reading, names);
  } finally {
    stay?.();
    interrupt.stop();
  }
}

function leftError(): CliError {
  const advice = "give org-db a configuration whose imports start and end nothing";
  return new CliError("CONFIG_FAILED", `The project's own code ended the process (process.exit): ${advice}`);
}

/** `--json`, or the format of that name where a command has several. */
function wantsJson(options: CommonOptions): boolean {
  return options.json === true || (options as { format?: unknown }).format === "json";
}

// An error that is neither the driver's nor ours is a fault of this program; it must not pass for the server's.
function withCode(error: unknown): never {
  const { name } = (error ?? {}) as { name?: unknown };
  throw typeof name === "string" && /^(Mongo|AbortError)/.test(name) ? toOptimizerError(error) : error;
}

function listenForInterrupt(
  io: CliIo,
  progress: ProgressLine,
  began: () => boolean,
): { signal: AbortSignal; abort: () => void; stop: () => void } {
  const controller = new AbortController();
  const stop = io.onInterrupt(() => {
    if (controller.signal.aborted) return io.exit(exitCodes.interrupted);
    progress.clear();
    const after = began() ? "Stopping after what is under way" : "Stopping";
    io.stderr.write(`${after}; press Ctrl-C again to leave at once.\n`);
    controller.abort();
  });
  return { signal: controller.signal, abort: () => controller.abort(), stop };
}

function printOutcome(
  io: CliIo,
  { data, text }: Outcome,
  json: boolean,
  shortcoming: Failure | undefined,
  names: readonly object[],
): void {
  if (text !== undefined && !(json && data))
    io.stdout.write(toTerminal(withNamesInLines(text, [names, data])));
  else io.stdout.write(`${toJson(shortcoming ? { ...data, ...errorJson(shortcoming) } : data, 2)}\n`);
}

function printFailure(
  io: CliIo,
  failure: Failure,
  json: boolean,
  mayHaveWritten: boolean,
  names: readonly object[],
): ExitCode {
  if (json) io.stdout.write(`${toJson(errorJson(failure), 2)}\n`);
  explain(io, failure, mayHaveWritten, names);
  return failure.exitCode;
}

function errorJson({ code, message, details }: Failure): object {
  return { error: { code, message, details } };
}

function explain(io: CliIo, failure: Failure, mayHaveWritten: boolean, names: readonly object[]): void {
  const { code, message, hint, details } = failure;
  const paint = paintFor(io.stderr, io.env);
  const text =
    code === "ABORTED"
      ? `${paint("yellow", "Stopped on request.")} ${mayHaveWritten ? "Run it again to continue: nothing is lost." : "Nothing was changed."}\n`
      : `${paint("red", code)} ${message}\n${hint ? `${hint}\n` : ""}`;
  io.stderr.write(toTerminal(withNamesInLines(text, [names, details])));
}
