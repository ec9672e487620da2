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
  /** It answers those who wait for this read, and nobody who comes after it. */
  readonly onlyForWaiting?: true;
}

/** The answer of a read; what it refuses leaves nothing. */
export interface Reading<R, V> {
  readonly result: R;
  readonly keep?: Kept<V> | undefined;
}

interface Flight<V> {
  readonly openedAt: Moment;
  /** Resolves with what it leaves for those who wait, where that is not in memory. */
  readonly landed: Promise<Entry<V> | undefined>;
}

const largestEntryBytes = 4_096;

/** Memory of one kind of things, each under the hash of its whole token. */
export class Table<V> {
  readonly #cache: TrustedCache;
  readonly #entries: Entries<V>;
  readonly #flights = new Map<string, Flight<V>>();

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
    const passed = await flight.landed;
    const found = passed ? this.#judge(passed, isGood) : this.#find(key, isGood);
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
    let passed: Entry<V> | undefined;
    try {
      const { result, keep } = await read(this.#cache.position);
      passed = keep && this.#keep(key, keep, ticket);
      return result;
    } finally {
      this.#cache.closeTicket(ticket);
      land(passed);
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
    const entry = this.#entries.find(key);
    return this.#judge(entry, isGood);
  }

  #judge(entry: Entry<V> | undefined, isGood: (value: V) => boolean): Entry<V> | MissCause {
    const at = this.#cache.checkedAt();
    if (!entry) return "absent";
    if (!this.#cache.trust.mayAnswer(entry, at)) return "lapsed";
    return isGood(entry.value) ? entry : "over";
  }

  #takeOff(key: string, openedAt: Moment): (passed: Entry<V> | undefined) => void {
    let landed: (passed: Entry<V> | undefined) => void = () => undefined;
    const flight: Flight<V> = {
      openedAt,
      landed: new Promise((resolve) => {
        landed = resolve;
      }),
    };
    this.#flights.set(key, flight);
    return (passed) => {
      if (this.#flights.get(key) === flight) this.#flights.delete(key);
      landed(passed);
    };
  }

  /** Returns what is not in memory, and only for those who wait. */
  #keep(key: string, kept: Kept<V>, ticket: Ticket): Entry<V> | undefined {
    const { value, subjects, bytes, onlyForWaiting } = kept;
    if (bytes > largestEntryBytes) return undefined;
    if (this.#cache.isDirty(ticket, subjects)) {
      this.#cache.counts.raced += 1;
      return undefined;
    }
    const { openedAt: readAt, followsEcho } = ticket;
    const entry = { key, value, subjects, bytes, readAt, followsEcho, isBeingTouched: false };
    if (onlyForWaiting) return entry;
    this.#entries.put(entry);
    return undefined;
  }
}
