// Reads the ids that a rule names, in the order of its date, ahead of the deletes.
import { mongo } from "mongoose";
import { asStored, exactId, idForMessage } from "../core/bson/exact.js";
import type { Document } from "../core/model.js";
import { withRetries } from "../core/server/transient.js";
import type { BatchSource } from "../jobs/batches.js";
import type { SetAside } from "../jobs/set-aside.js";

/** Ids that are asked for at a time: they are read from the answer while the server deletes those before them. */
const pageSize = 2_500;
/** Ids that are asked for by one scan of a collection. */
const scanSize = 10_000;
/** A cursor that idled away during a long pause. */
const cursorNotFound = 43;

/** Where ids are read from. */
export interface IdSource {
  readonly collection: mongo.Collection;
  readonly filter: Document;
  /** The date field that they are read in the order of. */
  readonly field: string;
  readonly index: string | null;
  /** Takes what the server cannot be asked for by its `_id`. */
  readonly aside: SetAside;
}

/** A document that a rule names. */
interface Named {
  readonly id: unknown;
  /** Value of its date field. */
  readonly at: unknown;
}

/**
 * Reads the ids of the documents that a rule names, in the order of their dates, a page ahead of the writes. Having
 * come to the end it begins once more, as long as that finds anything to do: what came to be named behind its back is
 * not left to the next run.
 */
export class IdReader implements BatchSource<unknown> {
  readonly #source: IdSource;
  readonly #queue: Named[] = [];
  /** One cursor stays open: a query for each page could make some servers read all remaining documents each time. */
  #open: mongo.FindCursor<Uint8Array> | undefined;
  /** The next page, asked for while the ids before it are seen to. */
  #ahead: Promise<Named[]> | undefined;
  /** The date that everything before is done of; `null` for the very beginning. */
  #cursor: Date | null;
  #fromStart: boolean;
  /** Documents handled since the beginning. */
  #moved = 0;

  readonly #signal: AbortSignal | undefined;

  /** @param signal ends the waits between tries while the server is away */
  constructor(source: IdSource, cursor: Date | null, signal?: AbortSignal) {
    this.#source = source;
    this.#signal = signal;
    this.#cursor = cursor;
    this.#fromStart = cursor === null;
  }

  get cursor(): Date | null {
    return this.#cursor;
  }

  /** Asks for the next page, to have it when it is wanted. */
  readAhead(): void {
    this.#ahead ??= this.#fetch();
    // A failure is thrown when the page is requested.
    this.#ahead.catch(() => undefined);
  }

  async hasMore(): Promise<boolean> {
    return (await this.next(1)).length > 0;
  }

  /** The next ids, at most so many; none when there is nothing left. They stay the next until they are taken. */
  next(size: number): Promise<unknown[]> {
    return withRetries(() => this.#next(size), this.#signal);
  }

  async #next(size: number): Promise<unknown[]> {
    if (this.#queue.length === 0) this.#queue.push(...(await this.#read()));
    while (this.#queue.length > 0 && this.#queue.length < size) {
      const page = await this.#page();
      if (page.length === 0) break;
      this.#queue.push(...page);
    }
    if (this.#queue.length > 0) this.readAhead();
    return this.#queue.slice(0, size).map(({ id }) => id);
  }

  /** So many of the ids have been seen to, and so many documents were still named. */
  take(count: number, moved: number): void {
    const last = this.#queue[count - 1]?.at;
    // Dates of the server reach further than those of JavaScript.
    if (last instanceof Date && !Number.isNaN(last.getTime())) this.#cursor = last;
    this.#queue.splice(0, count);
    this.#moved += moved;
  }

  async close(): Promise<void> {
    await this.#ahead?.catch(() => undefined);
    await this.#open?.close().catch(() => undefined);
  }

  async #read(): Promise<Named[]> {
    const found = await this.#page();
    if (found.length > 0 || (this.#fromStart && this.#moved === 0)) return found;
    this.#cursor = null;
    this.#fromStart = true;
    this.#moved = 0;
    this.#open = undefined;
    return this.#page();
  }

  async #page(): Promise<Named[]> {
    const ahead = this.#ahead;
    this.#ahead = undefined;
    try {
      return await (ahead ?? this.#fetch());
    } catch (error) {
      // The cursor is reopened at the last finished date, which finds the ids of the queue again.
      this.#queue.length = 0;
      if ((error as { code?: unknown }).code !== cursorNotFound) throw error;
      return this.#fetch();
    }
  }

  async #fetch(): Promise<Named[]> {
    this.#open ??= this.#find();
    const open = this.#open;
    try {
      while (await open.hasNext()) {
        const found = this.#parsed(open.readBufferedDocuments());
        if (found.length > 0) return found;
      }
      return [];
    } catch (error) {
      this.#open = undefined;
      await open.close().catch(() => undefined);
      throw error;
    }
  }

  #parsed(page: readonly Uint8Array[]): Named[] {
    const { field, aside } = this.#source;
    return page.flatMap((raw) => {
      const exact = exactId(raw);
      if (exact) return { id: exact.id, at: dateIn(raw, field) };
      aside.note(idForMessage(raw), "its _id is no value that JavaScript can hold");
      return [];
    });
  }

  #find(): mongo.FindCursor<Uint8Array> {
    const { collection, filter, field, index } = this.#source;
    const rest = this.#cursor ? { $and: [filter, { [field]: { $gte: this.#cursor } }] } : filter;
    const projection = { _id: 1, [field]: 1 };
    const found = collection
      .find<Uint8Array>(rest, { projection, raw: true, batchSize: pageSize, ...(index && { hint: index }) })
      .sort({ [field]: 1 });
    // Without an index all that is found would have to be sorted, where a part is enough to begin once more.
    return index ? found : found.limit(scanSize);
  }
}

function dateIn(raw: Uint8Array, path: string): unknown {
  const document = mongo.BSON.deserialize(raw, { ...asStored, validation: { utf8: false } });
  return path.split(".").reduce<unknown>((value, key) => (value as Document | undefined)?.[key], document);
}
