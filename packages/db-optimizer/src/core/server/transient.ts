// Failures that pass, and retries through a step-down or a broken connection.
import type { OptimizerErrorCode } from "../error-codes.js";
import { isBrokenSocket, OptimizerError, toOptimizerError, unwrapped } from "../errors.js";
import { pause } from "../pause.js";
import { serverCodeOf } from "./server-codes.js";

/** How often something is tried, and milliseconds before the second time; each further wait is twice as long. */
const tries = 6;
const firstWaitMs = 250;
/** An election takes twelve seconds: a server that was looked for so long in one try is not back in a moment. */
const lookedForMs = 20_000;

// https://github.com/mongodb/specifications/blob/master/source/retryable-writes/retryable-writes.md
const labels = ["RetryableWriteError", "TransientTransactionError"];
const names = /^Mongo(Network(Timeout)?|PoolCleared|PoolClosed|ServerSelection|NotConnected)Error$/;

/** Whether the same command may well succeed in a moment. Pure. */
export function isTransient(error: unknown): boolean {
  // A lease that was lost, or a stop, has a network error for its cause at most: neither is worth another try.
  if (error instanceof OptimizerError) return error.kind === "server" && isTransient(error.cause);
  if (isBrokenSocket(unwrapped(error))) return true;
  const { name, errorLabels, errorLabelSet } = (unwrapped(error) ?? {}) as Record<string, unknown>;
  const given = [...asList(errorLabels), ...(errorLabelSet instanceof Set ? errorLabelSet : [])];
  if (given.some((label) => labels.includes(String(label)))) return true;
  return serverCodeOf(unwrapped(error))?.transient === true || (typeof name === "string" && names.test(name));
}

const faultsOfRecords: readonly OptimizerErrorCode[] = ["SERVER_REFUSED", "DUPLICATES"];

/**
 * Whether a failure is about what was to be written or read, so that other documents can go on: not about the server,
 * its members, rights, time or disk. Pure.
 */
export function isRecordFault(error: unknown): boolean {
  return !isTransient(error) && faultsOfRecords.includes(toOptimizerError(error).code);
}

function asList(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function wasLookedFor(error: unknown, elapsedMs: number): boolean {
  const { name } = ((error instanceof OptimizerError ? error.cause : error) ?? {}) as { name?: unknown };
  return name === "MongoServerSelectionError" && elapsedMs >= lookedForMs;
}

/**
 * Does something that may be done twice, and does it again when a member steps down or a connection breaks; not when the
 * driver has looked for a server for longer than an election takes.
 *
 * @param run told which try it is, from 1
 * @throws whatever the last try threw; {@link OptimizerError} `ABORTED` when told to stop while it waits
 */
export async function withRetries<T>(run: (attempt: number) => Promise<T>, signal?: AbortSignal): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const begun = performance.now();
    try {
      return await run(attempt);
    } catch (error) {
      if (attempt === tries || !isTransient(error) || wasLookedFor(error, performance.now() - begun))
        throw error;
      await pause(firstWaitMs * 2 ** (attempt - 1), signal);
    }
  }
}
