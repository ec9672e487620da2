// Walks a whole collection as the source of a task.
import type { mongo } from "mongoose";
import { type Decoded, decoded } from "../core/bson/decode.js";
import { maybeIllFormed } from "../core/bson/id-key.js";
import { filtersAfter } from "../core/bson/id-order.js";
import type { Document } from "../core/model.js";
import { primary } from "../core/server/own-collection.js";
import { withRetries } from "../core/server/transient.js";
import type { BatchSource } from "./batches.js";

/** A document of a walk. */
export interface Step<Item> {
  readonly id: unknown;
  readonly item: Item;
  /** How many documents it counts for. */
  readonly weight: number;
}

/** How a collection is walked through. */
export interface IdWalkOptions<Item> {
  readonly collection: mongo.Collection;
  readonly projection?: Document | undefined;
  /** The last document that was handled, where there is one: its `_id` may be `null`. */
  readonly last: { readonly id: unknown } | undefined;
  readonly signal: AbortSignal;
  /** Prepares a document, and weighs it as a number of documents. */
  prepare(read: Decoded): { readonly item: Item; readonly weight: number };
}

/** A cursor that idled away during a long pause. */
const cursorNotFound = 43;
/** Cursors that may be lost one after the other without a batch in between. */
const maxLostCursors = 5;
const readAtATime = 500;

/**
 * Walks a collection in the order of `_id`, through all BSON types. One cursor stays open: a query for each batch could
 * make some servers read all remaining documents each time. Reopened after a document, it needs two cursors, one after
 * the other: see `filtersAfter`.
 */
export class IdWalk<Item> implements BatchSource<Step<Item>> {
  readonly #options: IdWalkOptions<Item>;
  #last: { readonly id: unknown } | undefined;
  #open: mongo.FindCursor<Uint8Array> | undefined;
  /** Filters to read when the open cursor has come to its end. */
  #filters: readonly Document[];
  /** Read and not taken. */
  readonly #next: Step<Item>[] = [];
  #lost = 0;

  constructor(options: IdWalkOptions<Item>) {
    this.#options = options;
    this.#last = options.last;
    this.#filters = filtersFrom(options.last);
  }

  /** The last document that was taken, of those whose `_id` is well-formed: a walk can go on behind it. */
  get last(): { readonly id: unknown } | undefined {
    return this.#last;
  }

  async hasMore(): Promise<boolean> {
    return this.#next.length > 0 || (await this.#reading(() => this.#cursorHasMore()));
  }

  async next(documents: number): Promise<readonly Step<Item>[]> {
    await this.#reading(() => this.#readOn(documents));
    return within(this.#next, documents);
  }

  take(items: number): void {
    const taken = this.#next.splice(0, items);
    const end = taken.findLast(({ id }) => !maybeIllFormed(id));
    if (end) this.#last = { id: end.id };
    this.#lost = 0;
  }

  /** Closes the cursor. The next read opens a new one after the last document that was taken. */
  async close(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    this.#next.length = 0;
    this.#filters = filtersFrom(this.#last);
    await open?.close();
  }

  /** By a cursor of its own when the one before broke with its connection, or was forgotten. */
  #reading<T>(read: () => Promise<T>): Promise<T> {
    const once = async () => {
      try {
        return await read();
      } catch (error) {
        await this.close().catch(() => undefined);
        throw error;
      }
    };
    return withRetries(async () => {
      for (;;) {
        try {
          return await once();
        } catch (error) {
          if ((error as { code?: unknown }).code !== cursorNotFound || this.#lost === maxLostCursors)
            throw error;
          this.#lost += 1;
        }
      }
    }, this.#options.signal);
  }

  async #readOn(documents: number): Promise<void> {
    let weight = this.#next.reduce((sum, one) => sum + weightOf(one), 0);
    while (weight < documents && (await this.#cursorHasMore())) {
      const raw = await this.#open?.next();
      if (!raw) return;
      const read = decoded(raw, this.#options.collection.bsonOptions);
      const step = { id: read.id, ...this.#options.prepare(read) };
      this.#next.push(step);
      weight += weightOf(step);
    }
  }

  async #cursorHasMore(): Promise<boolean> {
    for (;;) {
      if (await this.#open?.hasNext()) return true;
      const [next, ...rest] = this.#filters;
      if (!next) return false;
      await this.#open?.close();
      this.#open = this.#find(next);
      this.#filters = rest;
    }
  }

  #find(filter: Document): mongo.FindCursor<Uint8Array> {
    const { collection, projection } = this.#options;
    const options = { ...primary, ...(projection && { projection }), raw: true, batchSize: readAtATime };
    return collection.find<Uint8Array>(filter, options).sort({ _id: 1 });
  }
}

/** One that makes nothing is read as well. */
const weightOf = ({ weight }: { readonly weight: number }) => Math.max(weight, 1);

function within<Item>(steps: readonly Step<Item>[], documents: number): readonly Step<Item>[] {
  let [end, weight] = [0, 0];
  while (end < steps.length && (end === 0 || weight < documents)) {
    weight += weightOf(steps[end] as Step<Item>);
    end += 1;
  }
  return steps.slice(0, end);
}

const filtersFrom = (last: { readonly id: unknown } | undefined): readonly Document[] =>
  last ? filtersAfter(last.id) : [{}];
