import type { Types } from "mongoose";

/**
 * Does something for a user when what this identity object did for the same user before is done. It decides nothing: the
 * server does, for other processes do not wait. It saves the server the attempts that logins of one process would lose to
 * each other.
 */
export class Turns {
  readonly #last = new Map<string, Promise<unknown>>();

  async take<T>(userId: Types.ObjectId, act: () => Promise<T>): Promise<T> {
    const key = userId.toHexString();
    const turn = (this.#last.get(key) ?? Promise.resolve()).then(act);
    const over = turn.catch(() => undefined);
    this.#last.set(key, over);
    try {
      return await turn;
    } finally {
      if (this.#last.get(key) === over) this.#last.delete(key);
    }
  }
}
