import { toOptimizerError } from "@org/db-optimizer";

import type { Command, Context, Outcome } from "./command.js";
import { type ExitCode, exitCodes } from "./errors.js";
import { type Failure, failureOf } from "./failure.js";
import type { CliIo } from "./io.js";
import { ProgressLine } from "./output/progress.js";
import { paintFor } from "./output/style.js";
import { type SessionOptions, withSession } from "./session.js";

/** Options that every command takes. */
export interface CommonOptions extends SessionOptions {
  readonly json?: boolean;
}

/**
 * Runs a command between opening and closing the database, and prints what it came to: the result on stdout, everything
 * else on stderr.
 *
 * @param reading whether the command only looks
 */
export async function runCommand<Options extends object>(
  io: CliIo,
  options: Options & CommonOptions,
  command: Command<Options>,
  reading: boolean,
): Promise<ExitCode> {
  const progress = new ProgressLine(io.stderr, () => io.now().getTime());
  const interrupt = listenForInterrupt(io, progress);
  try {
    const outcome = await withSession(io, options, (session) => {
      const paint = paintFor(io.stdout, io.env);
      const context: Context = {
        ...session,
        signal: interrupt.signal,
        progress,
        paint,
        stdout: io.stdout,
        onKey: (listener) => io.onKey?.(listener) ?? (() => undefined),
        giveWay: () => io.lowerPriority?.(),
        now: () => io.now(),
      };
      return command(context, options).catch(withCode);
    });
    progress.clear();
    printOutcome(io, outcome, options.json === true);
    if (outcome.shortcoming) explain(io, failureOf(outcome.shortcoming, reading));
    return outcome.exitCode;
  } catch (error) {
    progress.clear();
    return printFailure(io, failureOf(error, reading), options.json === true);
  } finally {
    interrupt.stop();
  }
}

// What neither the driver nor we have named is a fault in this program, and not to be taken for the server's.
function withCode(error: unknown): never {
  const { name } = (error ?? {}) as { name?: unknown };
  throw typeof name === "string" && /^(Mongo|AbortError)/.test(name) ? toOptimizerError(error) : error;
}

function listenForInterrupt(io: CliIo, progress: ProgressLine): { signal: AbortSignal; stop: () => void } {
  const controller = new AbortController();
  const stop = io.onInterrupt(() => {
    if (controller.signal.aborted) return io.exit(exitCodes.interrupted);
    progress.clear();
    io.stderr.write("Stopping after what is under way; press Ctrl-C again to leave at once.\n");
    controller.abort();
  });
  return { signal: controller.signal, stop };
}

function printOutcome(io: CliIo, { data, text }: Outcome, json: boolean): void {
  io.stdout.write(text === undefined || (json && data) ? `${toJson(data)}\n` : text);
}

function printFailure(io: CliIo, failure: Failure, json: boolean): ExitCode {
  const { code, message, details, exitCode } = failure;
  if (json) io.stdout.write(`${toJson({ error: { code, message, details } })}\n`);
  explain(io, failure);
  return exitCode;
}

function explain(io: CliIo, { code, message, hint }: Failure): void {
  const paint = paintFor(io.stderr, io.env);
  if (code === "ABORTED")
    io.stderr.write(`${paint("yellow", "Stopped on request.")} Run it again to go on: nothing is lost.\n`);
  else io.stderr.write(`${paint("red", code)} ${message}\n${hint ? `${hint}\n` : ""}`);
}

/** JSON of anything that a report holds. */
function toJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner) => (typeof inner === "bigint" ? inner.toString() : inner), 2);
}
