import { toOptimizerError } from "@org/db-optimizer";

import { CliError } from "./errors.js";
import type { CliIo } from "./io.js";

/** Waits for work that may never end, by which nothing is written yet. */
export type Wait = <T>(what: string, work: Promise<T>) => Promise<T>;

/**
 * Waits for the project's own code and for the connection. A first Ctrl-C or SIGTERM ends the wait at once, since nothing
 * is half done; and so does the end of everything that could happen, after which the work never ends.
 *
 * @throws {CliError} `CONFIG_FAILED` for what can never end
 * @throws {OptimizerError} `ABORTED`
 */
export function waiter(io: CliIo, signal: AbortSignal): Wait {
  return async (what, work) => {
    const ends = new AbortController();
    const interrupted = new Promise<never>((_, reject) => {
      const abort = () => reject(toOptimizerError(signal.reason));
      if (signal.aborted) abort();
      else signal.addEventListener("abort", abort, { signal: ends.signal });
    });
    let stopListening: (() => void) | undefined;
    const stalled = new Promise<never>((_, reject) => {
      stopListening = io.onStall?.(() =>
        reject(
          new CliError(
            "CONFIG_FAILED",
            `${what} never ends: it awaits something that nothing can bring about`,
          ),
        ),
      );
    });
    try {
      return await Promise.race([work, interrupted, stalled]);
    } finally {
      ends.abort();
      stopListening?.();
    }
  };
}
