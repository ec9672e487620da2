import type { mongo } from "mongoose";
import type { Document } from "../model.js";

// Ids are read ahead of the writes, so that a scan serves many batches; 50,000 of them are a few megabytes.
const readAhead = 50_000;

/** Where ids are read from. */
export interface IdSource {
  readonly collection: mongo.Collection;
  readonly filter: Document;
  /** The date field that they are read in the order of. */
  readonly field: string;
  readonly index: string | null;
}

interface Found {
  readonly id: unknown;
  readonly at: unknown;
}

/**
 * Reads the ids of the documents that a rule names, in the order of their dates. Having come to the end it begins once
 * more, as long as that finds anything to do: what came to be named behind its back is not left to the next run.
 */
export class IdReader {
  readonly #source: IdSource;
  #queue: Found[] = [];
  /** The date that everything before is done of; `null` for the very beginning. */
  #cursor: Date | null;
  #fromStart: boolean;
  /** What was done since the beginning, and since the last read. */
  #moved = 0;
  #movedOfRead = 1;
  #readFrom: Date | null = null;

  constructor(source: IdSource, cursor: Date | null) {
    this.#source = source;
    this.#cursor = cursor;
    this.#fromStart = cursor === null;
  }

  get cursor(): Date | null {
    return this.#cursor;
  }

  /** The next ids, at most so many; none when there is nothing left. They stay the next until they are taken. */
  async next(size: number): Promise<unknown[]> {
    if (this.#queue.length === 0) this.#queue = await this.#read();
    return this.#queue.slice(0, size).map(({ id }) => id);
  }

  /** So many of the ids have been seen to, and so many documents were still named. */
  take(count: number, moved: number): void {
    const last = this.#queue[count - 1]?.at;
    if (last instanceof Date) this.#cursor = last;
    this.#queue = this.#queue.slice(count);
    this.#moved += moved;
    this.#movedOfRead += moved;
  }

  async #read(): Promise<Found[]> {
    const found = this.#isStuck() ? [] : await this.#select();
    if (found.length > 0 || (this.#fromStart && this.#moved === 0)) return found;
    this.#cursor = null;
    this.#fromStart = true;
    this.#moved = 0;
    return this.#select();
  }

  // Whatever was read last is still there, and a read from the same date would find it again.
  #isStuck(): boolean {
    return this.#movedOfRead === 0 && this.#cursor?.getTime() === this.#readFrom?.getTime();
  }

  async #select(): Promise<Found[]> {
    const { collection, filter, field, index } = this.#source;
    this.#readFrom = this.#cursor;
    this.#movedOfRead = 0;
    const rest = this.#cursor ? { $and: [filter, { [field]: { $gte: this.#cursor } }] } : filter;
    const cursor = collection
      .find(rest, { projection: { _id: 1, [field]: 1 }, ...(index && { hint: index }) })
      .sort({ [field]: 1 })
      .limit(readAhead);
    return (await cursor.toArray()).map((document) => ({ id: document._id, at: valueAt(document, field) }));
  }
}

function valueAt(document: Document, path: string): unknown {
  return path.split(".").reduce<unknown>((value, key) => (value as Document | undefined)?.[key], document);
}
