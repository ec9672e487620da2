/** When {@link WriteBehind} writes by itself; without a bound its owner calls `flush`. */
export interface WriteBehindLimits {
  /** Entries at which it writes at once. */
  readonly maxEntries: number;
  /** Milliseconds after the first entry that no flush has taken. */
  readonly intervalMs?: number | undefined;
}

/**
 * Collects entries in memory, one a key, and writes them in groups, one group after the other. What could not be written,
 * a whole group or the entries that `write` returns, is handed to `onError` and never repeated: it may have been written in
 * part, and nothing is to count twice.
 */
export class WriteBehind<Entry> {
  readonly #write: (group: Entry[]) => Promise<ReadonlyMap<Entry, unknown>>;
  readonly #onError: (error: unknown, group: Entry[]) => void;
  #pending = new Map<string, Entry>();
  #flushing: Promise<void> = Promise.resolve();
  readonly #limits: WriteBehindLimits | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    write: (group: Entry[]) => Promise<ReadonlyMap<Entry, unknown>>,
    onError: (error: unknown, group: Entry[]) => void,
    limits?: WriteBehindLimits,
  ) {
    this.#write = write;
    this.#onError = onError;
    this.#limits = limits;
  }

  /** The entry of a key that the next flush writes. */
  entryOf(key: string, fresh: () => Entry): Entry {
    const known = this.#pending.get(key);
    if (known) return known;
    const entry = fresh();
    this.#pending.set(key, entry);
    return entry;
  }

  /** To be called when an entry was added to: writes at the bounds, by a timer that keeps no process alive. */
  changed(): void {
    if (!this.#limits) return;
    const { maxEntries, intervalMs } = this.#limits;
    if (this.#pending.size >= maxEntries) void this.flush();
    else if (intervalMs !== undefined) {
      this.#timer ??= setTimeout(() => void this.flush(), intervalMs).unref();
    }
  }

  /** Writes every entry; resolves when they, and those of every flush before, are done. */
  flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const group = [...this.#pending.values()];
    this.#pending = new Map();
    this.#flushing = this.#flushing.then(() => this.#run(group));
    return this.#flushing;
  }

  async #run(group: Entry[]): Promise<void> {
    if (group.length === 0) return;
    try {
      const unwritten = await this.#write(group);
      const [error] = unwritten.values();
      if (unwritten.size > 0) this.#onError(error, [...unwritten.keys()]);
    } catch (error) {
      this.#onError(error, group);
    }
  }
}
