import type { LogPosition, TrustedCache } from "./cache.js";
import type { Moment } from "./clocks.js";
import type { MissCause } from "./counts.js";
import type { Entries, Entry } from "./entries.js";
import type { Subject, Ticket } from "./invalidations.js";

/** What a read leaves in memory. */
export interface Kept<V> {
  readonly value: V;
  readonly subjects: readonly Subject[];
  /** Size of the value as BSON. */
  readonly bytes: number;
}

/** The answer of a read; what it refuses leaves nothing. */
export interface Reading<R, V> {
  readonly result: R;
  readonly keep?: Kept<V> | undefined;
}

interface Flight {
  readonly openedAt: Moment;
  readonly landed: Promise<void>;
}

const largestEntryBytes = 4_096;

/** Memory of one kind of things, each under the hash of its whole token. */
export class Table<V> {
  readonly #cache: TrustedCache;
  readonly #entries: Entries<V>;
  readonly #flights = new Map<string, Flight>();

  constructor(cache: TrustedCache) {
    this.#cache = cache;
    this.#entries = cache.newEntries<V>();
  }

  /** The entry of a token, if it may answer now and the caller finds it good. */
  recall(key: string, isGood: (value: V) => boolean): Entry<V> | undefined {
    const found = this.#find(key, isGood);
    if (typeof found === "string") return undefined;
    this.#cache.counts.hits += 1;
    return found;
  }

  /** Waits for a read of the same token that began within the bound, if there is one, and answers with what it left. */
  async join(key: string, isGood: (value: V) => boolean): Promise<Entry<V> | undefined> {
    const flight = this.#flights.get(key);
    if (!flight || !this.mayJoin(flight.openedAt)) return undefined;
    await flight.landed;
    const found = this.#find(key, isGood);
    if (typeof found === "string") return undefined;
    this.#cache.counts.joined += 1;
    return found;
  }

  /** Whether somebody reads for this token already. */
  isBeingRead(key: string): boolean {
    return this.#flights.has(key);
  }

  mayJoin(openedAt: Moment): boolean {
    return this.#cache.trust.covers(openedAt, this.#cache.clocks.now());
  }

  /**
   * Reads, and keeps what was read unless something about it has changed since the read began.
   *
   * @param read - gets the place in the log that it has to have seen, or `undefined` when its result is not kept.
   */
  async fill<R>(
    key: string,
    isGood: (value: V) => boolean,
    read: (position: LogPosition | undefined) => Promise<Reading<R, V>>,
  ): Promise<R> {
    const cause = this.#find(key, isGood);
    if (typeof cause === "string") this.#cache.counts.misses[cause] += 1;
    const ticket = this.#cache.openTicket();
    if (!ticket) return (await read(undefined)).result;
    const land = this.#takeOff(key, ticket.openedAt);
    try {
      const { result, keep } = await read(this.#cache.position);
      if (keep) this.#keep(key, keep, ticket);
      return result;
    } finally {
      this.#cache.closeTicket(ticket);
      land();
    }
  }

  /** Drops an entry that the database no longer agrees with. */
  drop(entry: Entry<V>): void {
    this.#cache.invalidate(entry.subjects);
  }

  /** Whether an entry is still in memory, and may answer. */
  stillHolds(entry: Entry<V>): boolean {
    return this.#find(entry.key, () => true) === entry;
  }

  #find(key: string, isGood: (value: V) => boolean): Entry<V> | MissCause {
    const at = this.#cache.checkedAt();
    const entry = this.#entries.find(key);
    if (!entry) return "absent";
    if (!this.#cache.trust.mayAnswer(entry, at)) return "lapsed";
    return isGood(entry.value) ? entry : "over";
  }

  #takeOff(key: string, openedAt: Moment): () => void {
    let landed: () => void = () => undefined;
    const flight: Flight = {
      openedAt,
      landed: new Promise((resolve) => {
        landed = resolve;
      }),
    };
    this.#flights.set(key, flight);
    return () => {
      if (this.#flights.get(key) === flight) this.#flights.delete(key);
      landed();
    };
  }

  #keep(key: string, kept: Kept<V>, ticket: Ticket): void {
    if (kept.bytes > largestEntryBytes) return;
    if (this.#cache.isDirty(ticket, kept.subjects)) {
      this.#cache.counts.raced += 1;
      return;
    }
    const { openedAt: readAt, followsEcho } = ticket;
    this.#entries.put({ key, ...kept, readAt, followsEcho, isBeingTouched: false });
  }
}
