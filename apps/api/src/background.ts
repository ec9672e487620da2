import { setTimeout as wait } from "node:timers/promises";
import type { FastifyRequest } from "fastify";
import type { Notice } from "./notifier.js";
import type { Service } from "./service.js";

/** What goes on behind answers: nobody waits for it but the end of the app. */
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

/** Sends a notice without holding up the answer: a mail server may be slow, and the time that it takes tells of it. */
export function notifyLater(service: Service, request: FastifyRequest, notice: Notice): void {
  const failed = (err: unknown) => request.log.error({ err, notice: notice.kind }, "a notice was not sent");
  service.background.run(() => service.notifier.send(notice), failed);
}
