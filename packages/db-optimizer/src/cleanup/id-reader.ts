import { mongo } from "mongoose";
import type { Document } from "../model.js";

// Ids are read ahead of the writes, so that a scan serves many batches; 50,000 of them are a few megabytes.
const pageSize = 50_000;

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

interface Page {
  /** The date that it was read from. */
  readonly from: Date | null;
  readonly found: Found[];
  /** There may be more. */
  readonly isFull: boolean;
}

const noPage: Page = { from: null, found: [], isFull: false };

/**
 * Reads the ids of the documents that a rule names, in the order of their dates. Having come to the end it begins once
 * more, as long as that finds anything to do: what came to be named behind its back is not left to the next run.
 */
export class IdReader {
  readonly #source: IdSource;
  #queue: Found[] = [];
  /** The next page, asked for while the last ids of this one are seen to. */
  #ahead: Promise<Page> | undefined;
  /** The date that everything before is done of; `null` for the very beginning. */
  #cursor: Date | null;
  #fromStart: boolean;
  /** What was done since the beginning, and of the page. */
  #moved = 0;
  #movedOfPage = 1;
  #page = noPage;

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
    if (this.#queue.length <= pageSize / 2) this.#readAhead();
    return this.#queue.slice(0, size).map(({ id }) => id);
  }

  /** So many of the ids have been seen to, and so many documents were still named. */
  take(count: number, moved: number): void {
    const last = this.#queue[count - 1]?.at;
    if (last instanceof Date) this.#cursor = last;
    this.#queue = this.#queue.slice(count);
    this.#moved += moved;
    this.#movedOfPage += moved;
  }

  async #read(): Promise<Found[]> {
    const { found } = (await this.#takeAhead()) ?? (this.#isStuck() ? noPage : await this.#take());
    if (found.length > 0 || (this.#fromStart && this.#moved === 0)) return found;
    this.#cursor = null;
    this.#fromStart = true;
    this.#moved = 0;
    return (await this.#take()).found;
  }

  // Whatever was read last is still there, and a read from the same date would find it again.
  #isStuck(): boolean {
    return this.#movedOfPage === 0 && this.#cursor?.getTime() === this.#page.from?.getTime();
  }

  // From the last date of this page on, which is no use when that is all there is in it.
  #readAhead(): void {
    const last = this.#queue.at(-1)?.at;
    if (this.#ahead || !this.#page.isFull || !(last instanceof Date)) return;
    if (last.getTime() === this.#page.from?.getTime()) return;
    const known = new Set(
      this.#queue.filter(({ at }) => at instanceof Date && at.getTime() === last.getTime()).map(keyOf),
    );
    this.#ahead = this.#select(last, (one) => !known.has(keyOf(one)));
    // A failure is thrown to whoever asks for the page.
    this.#ahead.catch(() => undefined);
  }

  async #takeAhead(): Promise<Page | undefined> {
    const ahead = this.#ahead;
    // One that fails is asked for anew, from where the cursor is then.
    this.#ahead = undefined;
    const page = await ahead;
    return page && page.found.length > 0 ? this.#enter(page) : undefined;
  }

  async #take(): Promise<Page> {
    return this.#enter(await this.#select(this.#cursor));
  }

  #enter(page: Page): Page {
    this.#page = page;
    this.#movedOfPage = 0;
    return page;
  }

  async #select(from: Date | null, isNew: (one: Found) => boolean = () => true): Promise<Page> {
    const { collection, filter, field, index } = this.#source;
    const rest = from ? { $and: [filter, { [field]: { $gte: from } }] } : filter;
    const cursor = collection
      .find(rest, { projection: { _id: 1, [field]: 1 }, ...(index && { hint: index }) })
      .sort({ [field]: 1 })
      .limit(pageSize);
    const documents = await cursor.toArray();
    const found = documents.map((document) => ({ id: document._id, at: valueAt(document, field) }));
    return { from, found: found.filter(isNew), isFull: documents.length === pageSize };
  }
}

function keyOf({ id }: Found): string {
  return mongo.BSON.EJSON.stringify({ id });
}

function valueAt(document: Document, path: string): unknown {
  return path.split(".").reduce<unknown>((value, key) => (value as Document | undefined)?.[key], document);
}
