/**
 * Collects entries in memory, one a key, and writes them in groups, one group after the other. A group that could not
 * be written is handed to `onError` and never repeated: it may have been written in part, and nothing is to count twice.
 */
export class WriteBehind<Entry> {
  readonly #write: (group: Entry[]) => Promise<void>;
  readonly #onError: (error: unknown, group: Entry[]) => void;
  #pending = new Map<string, Entry>();
  #flushing: Promise<void> = Promise.resolve();

  constructor(write: (group: Entry[]) => Promise<void>, onError: (error: unknown, group: Entry[]) => void) {
    this.#write = write;
    this.#onError = onError;
  }

  /** How many keys have an entry that no flush has taken. */
  get size(): number {
    return this.#pending.size;
  }

  /** The entry of a key that the next flush writes. */
  entryOf(key: string, fresh: () => Entry): Entry {
    const known = this.#pending.get(key);
    if (known) return known;
    const entry = fresh();
    this.#pending.set(key, entry);
    return entry;
  }

  /** Writes every entry; resolves when they, and those of every flush before, are done. */
  flush(): Promise<void> {
    const group = [...this.#pending.values()];
    this.#pending = new Map();
    this.#flushing = this.#flushing.then(() => this.#run(group));
    return this.#flushing;
  }

  async #run(group: Entry[]): Promise<void> {
    if (group.length === 0) return;
    try {
      await this.#write(group);
    } catch (error) {
      this.#onError(error, group);
    }
  }
}
