import type { Subject } from "./invalidations.js";
import type { Provenance } from "./trust.js";

/** Something that was read, for one token. */
export interface Entry<V> extends Provenance {
  readonly key: string;
  readonly subjects: readonly Subject[];
  readonly bytes: number;
  value: V;
  /** A write that follows from a check of it is under way. */
  isBeingTouched: boolean;
}

export interface EntryLimits {
  readonly maxEntries: number;
  readonly maxBytes: number;
}

/** Entries of one kind by key and by subject, within bounds: the one used longest ago goes first. */
export class Entries<V> {
  readonly #limits: EntryLimits;
  readonly #byKey = new Map<string, Entry<V>>();
  readonly #bySubject = new Map<Subject, Set<Entry<V>>>();
  #bytes = 0;
  /** Entries that made room for others. */
  evicted = 0;

  constructor(limits: EntryLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#byKey.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  find(key: string): Entry<V> | undefined {
    const entry = this.#byKey.get(key);
    if (!entry) return undefined;
    // A map keeps the order of insertion: the last used is the last.
    this.#byKey.delete(key);
    this.#byKey.set(key, entry);
    return entry;
  }

  put(entry: Entry<V>): void {
    this.#remove(this.#byKey.get(entry.key));
    this.#byKey.set(entry.key, entry);
    this.#bytes += entry.bytes;
    for (const subject of entry.subjects) {
      const about = this.#bySubject.get(subject);
      if (about) about.add(entry);
      else this.#bySubject.set(subject, new Set([entry]));
    }
    this.#makeRoom();
  }

  drop(subjects: readonly Subject[]): void {
    for (const subject of subjects)
      for (const entry of [...(this.#bySubject.get(subject) ?? [])]) this.#remove(entry);
  }

  clear(): void {
    this.#byKey.clear();
    this.#bySubject.clear();
    this.#bytes = 0;
  }

  #makeRoom(): void {
    for (const oldest of this.#byKey.values()) {
      if (this.#byKey.size <= this.#limits.maxEntries && this.#bytes <= this.#limits.maxBytes) return;
      this.#remove(oldest);
      this.evicted += 1;
    }
  }

  #remove(entry: Entry<V> | undefined): void {
    if (!entry || !this.#byKey.delete(entry.key)) return;
    this.#bytes -= entry.bytes;
    for (const subject of entry.subjects) {
      const about = this.#bySubject.get(subject);
      about?.delete(entry);
      if (about?.size === 0) this.#bySubject.delete(subject);
    }
  }
}
