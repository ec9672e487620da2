import { setTimeout as wait } from "node:timers/promises";

/**
 * Waits for something no longer than this.
 *
 * @param late - message of the error when it took longer.
 */
export async function withTimeLimit<T>(
  timeoutMs: number,
  late: string,
  act: () => T | Promise<T>,
): Promise<T> {
  const done = new AbortController();
  const limit = wait(timeoutMs, undefined, { signal: done.signal }).then(() => {
    throw new Error(late);
  });
  try {
    return await Promise.race([act(), limit]);
  } finally {
    done.abort();
    limit.catch(() => undefined);
  }
}
