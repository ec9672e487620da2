// Waits that a signal ends.
import { setTimeout as sleep } from "node:timers/promises";

import { OptimizerError } from "./errors.js";

/**
 * Waits.
 *
 * @throws {OptimizerError} `ABORTED`, or whatever our own code aborted with
 */
export async function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  throwIfAborted(signal);
  try {
    await sleep(milliseconds, undefined, signal ? { signal } : {});
  } catch {
    throwIfAborted(signal);
  }
}

/** Throws `ABORTED` when the signal has been given, or the error that it was given with. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (!signal?.aborted) return;
  if (signal.reason instanceof OptimizerError) throw signal.reason;
  throw new OptimizerError("ABORTED", "Stopped on request", { cause: signal.reason });
}
