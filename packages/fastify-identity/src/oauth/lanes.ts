// Deliveries to many receivers at once, of which a slow one holds up no other.

/** Deliveries under way to one receiver, and to all. */
const most = { toOne: 4, inAll: 64 } as const;
/** A receiver that fails so often in a row is left alone for a while. */
const mostFailures = 4;
const restMs = 15_000;

interface Lane {
  readonly waiting: Array<() => Promise<boolean>>;
  running: number;
  failures: number;
  /** Set while the receiver is left alone. */
  rest: NodeJS.Timeout | undefined;
}

/** One lane a receiver. */
export class Lanes {
  readonly #lanes = new Map<string, Lane>();
  readonly #running = new Set<Promise<void>>();
  #isClosed = false;

  /** @param deliver - gives whether the receiver answered; it throws nothing. */
  add(receiver: string, deliver: () => Promise<boolean>): void {
    if (this.#isClosed) return;
    const fresh: Lane = { waiting: [], running: 0, failures: 0, rest: undefined };
    const lane = this.#lanes.get(receiver) ?? fresh;
    this.#lanes.set(receiver, lane);
    lane.waiting.push(deliver);
    this.#begin(receiver, lane);
  }

  /** Begins nothing more, and resolves when nothing is under way. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const { rest } of this.#lanes.values()) clearTimeout(rest);
    await Promise.all(this.#running);
  }

  #begin(receiver: string, lane: Lane): void {
    while (lane.running < most.toOne && this.#running.size < most.inAll && !lane.rest && !this.#isClosed) {
      const deliver = lane.waiting.shift();
      if (!deliver) {
        if (lane.running === 0) this.#lanes.delete(receiver);
        return;
      }
      lane.running += 1;
      const running = deliver().then((answered) => {
        this.#running.delete(running);
        lane.running -= 1;
        lane.failures = answered ? 0 : lane.failures + 1;
        if (lane.failures >= mostFailures) this.#leaveAlone(receiver, lane);
        for (const [name, other] of this.#lanes) this.#begin(name, other);
      });
      this.#running.add(running);
    }
  }

  #leaveAlone(receiver: string, lane: Lane): void {
    lane.rest ??= setTimeout(() => {
      lane.rest = undefined;
      this.#begin(receiver, lane);
    }, restMs).unref();
  }
}
