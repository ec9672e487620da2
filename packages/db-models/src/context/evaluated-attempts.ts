import type { Types } from "mongoose";

/** Attempts of one account that wait for others at the same time; more are refused at once. */
const maxWaiting = 100;

interface Account {
  readonly attempts: Set<string>;
  readonly waiting: Set<(settled: boolean) => void>;
}

/**
 * The attempts that an identity object is deciding on, by account. An attempt that is refused while others are under way waits
 * for one of them: it may turn out to be right, and then nothing speaks against the next. It decides nothing, the server
 * does; attempts of other processes are not waited for.
 */
export class EvaluatedAttempts {
  readonly #accounts = new Map<string, Account>();

  begin(account: string, id: Types.ObjectId): void {
    const known = this.#accounts.get(account) ?? { attempts: new Set(), waiting: new Set() };
    known.attempts.add(id.toHexString());
    this.#accounts.set(account, known);
  }

  /** @param wasEvaluated - false for one that was refused, which says nothing to those who wait. */
  end(account: string, id: Types.ObjectId, wasEvaluated: boolean): void {
    const known = this.#accounts.get(account);
    if (!known?.attempts.delete(id.toHexString())) return;
    if (known.attempts.size === 0) this.#accounts.delete(account);
    if (!wasEvaluated && known.attempts.size > 0) return;
    for (const wake of [...known.waiting]) wake(wasEvaluated);
  }

  /**
   * Waits until one was evaluated.
   *
   * @returns the milliseconds waited; `undefined` when there is none to wait for, or none was evaluated in time.
   */
  async oneEvaluated(account: string, mostMs: number): Promise<number | undefined> {
    const known = this.#accounts.get(account);
    if (!known || mostMs <= 0 || known.waiting.size >= maxWaiting) return undefined;
    const began = performance.now();
    const evaluated = await new Promise<boolean>((resolve) => {
      const wake = (settled: boolean) => {
        known.waiting.delete(wake);
        clearTimeout(timer);
        resolve(settled);
      };
      const timer = setTimeout(() => {
        // An attempt that is not settled by now never will be.
        if (this.#accounts.get(account) === known) this.#accounts.delete(account);
        wake(false);
      }, mostMs);
      known.waiting.add(wake);
    });
    return evaluated ? Math.max(1, performance.now() - began) : undefined;
  }
}
