import type { Moment, TrustClocks } from "./clocks.js";

/** Heartbeats whose moment is remembered; one that returns after so many later ones would prove nothing of use. */
const maxRemembered = 64;

/** Numbers heartbeats, and remembers when each was sent until it comes back. */
export class Heartbeats {
  readonly #clocks: TrustClocks;
  readonly #sentAt = new Map<number, Moment>();
  #last = 0;

  constructor(clocks: TrustClocks) {
    this.#clocks = clocks;
  }

  /** The number of the next one. Called before it is sent: what was acknowledged until then precedes it in the log. */
  next(): number {
    this.#last += 1;
    this.#sentAt.set(this.#last, this.#clocks.now());
    this.#sentAt.delete(this.#last - maxRemembered);
    return this.#last;
  }

  /** When one that has come back was sent; none of those before it is waited for any more. */
  returned(number: number): Moment | undefined {
    const sentAt = this.#sentAt.get(number);
    for (const known of this.#sentAt.keys()) {
      if (known > number) break;
      this.#sentAt.delete(known);
    }
    return sentAt;
  }

  /** When the first of those that have not come back was sent. */
  get awaitedSince(): Moment | undefined {
    for (const sentAt of this.#sentAt.values()) return sentAt;
    return undefined;
  }

  /** Nobody waits any more for those that were sent. */
  forget(): void {
    this.#sentAt.clear();
  }
}
