import { setTimeout as wait } from "node:timers/promises";

/** Work after responding; only the end of the app waits for it. */
export class Background {
  readonly #running = new Set<Promise<void>>();

  /** @param failed - told why, when it could not be done. */
  run(act: () => Promise<unknown>, failed: (reason: unknown) => void): void {
    const running = attempt(act, failed).finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  /** Resolves when nothing is under way any more, and no later than this. */
  async end(timeoutMs: number): Promise<void> {
    const patience = new AbortController();
    const impatient = wait(timeoutMs, undefined, { signal: patience.signal }).catch(() => undefined);
    await Promise.race([Promise.all(this.#running), impatient]);
    patience.abort();
  }
}

async function attempt(act: () => Promise<unknown>, failed: (reason: unknown) => void): Promise<void> {
  try {
    await act();
  } catch (error) {
    failed(error);
  }
}
