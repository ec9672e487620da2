import { CliError } from "./errors.js";
import type { CliIo } from "./io.js";
import { toTerminal } from "./output/printable.js";
import type { ProgressLine } from "./output/progress.js";
import { redact } from "./output/redact.js";
import { paintFor } from "./output/style.js";

/**
 * Listens for what nothing handles: files of a project open connections and build indexes when they are loaded. A rejected
 * promise is a warning, as it is nothing that the command waits for. After an exception nobody knows what still works.
 *
 * @param stop called on the first exception; the command is to end, and to fail with what `thrown` then returns
 */
export function listenForUnhandled(
  io: CliIo,
  progress: ProgressLine,
  stop: () => void,
): { thrown: () => CliError | undefined } {
  const seen = new Set<string>();
  let thrown: CliError | undefined;
  io.onUnhandled?.((error, kind) => {
    const text = `${describe(error)}${placeOf(error)}`;
    if (kind === "exception") {
      thrown ??= new CliError("CONFIG_FAILED", `Nothing caught an exception: ${text}`, { cause: error });
      return stop();
    }
    if (seen.has(text)) return;
    seen.add(text);
    progress.clear();
    const warning = paintFor(io.stderr, io.env)("yellow", "warning");
    io.stderr.write(toTerminal(`${warning} Nothing handles a promise that was rejected: ${redact(text)}\n`));
  });
  return { thrown: () => thrown };
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The line of the project that it comes from. */
function placeOf(error: unknown): string {
  const lines = error instanceof Error ? (error.stack ?? "").split("\n") : [];
  const own = lines.find((line) => /^\s+at .*[/\\]/.test(line) && !/node_modules|node:/.test(line));
  return own ? ` (${own.trim()})` : "";
}
