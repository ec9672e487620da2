import type { mongo } from "mongoose";
import {
  afterBatch,
  afterTimeout,
  type ControllerLimits,
  type ControllerState,
  startController,
} from "../cleanup/controller.js";
import { ForegroundWatch } from "../cleanup/foreground.js";
import { OptimizerError, toOptimizerError } from "../errors.js";
import type { Document } from "../model.js";
import { pause, throwIfAborted } from "../pause.js";
import { withRetries } from "../transient.js";

/** Where a walk begins, or has come to. */
interface Place {
  /** Last `_id` that was handled; nothing before the first. */
  readonly after: unknown;
  readonly controller: ControllerState;
}

/** How a collection is walked through. */
export interface Walk<Item> {
  readonly collection: mongo.Collection;
  readonly projection?: Document;
  readonly from: Place | undefined;
  readonly limits: ControllerLimits;
  readonly signal: AbortSignal;
  /** What is made of a document, and how many documents it counts for. */
  prepare(document: Document): { readonly item: Item; readonly weight: number };
  /** Handles a batch; it must bear repetition. */
  handle(batch: readonly Item[]): Promise<void>;
  /** After each batch. */
  reached(place: Place, handled: { readonly items: number; readonly elapsedMs: number }): Promise<void>;
}

const maxTimeouts = 3;
/** A cursor that idled away during a long pause. */
const cursorNotFound = 43;

/**
 * Walks a collection in the order of `_id`, in batches that adapt to the server, with a pause after each. A batch that
 * times out is done again in halves.
 *
 * @throws {OptimizerError} `ABORTED`, `TIMED_OUT` after the third time in a row, and what `handle` throws
 */
export async function walk<Item>(given: Walk<Item>): Promise<void> {
  const watch = new ForegroundWatch(given.collection, given.limits);
  let place: Place = given.from ?? { after: undefined, controller: startController(given.limits) };
  for (;;) {
    const reader = new Reader(given, place.after);
    try {
      for (;;) {
        throwIfAborted(given.signal);
        const next = await step(given, reader, watch, place);
        if (!next) return;
        place = next;
      }
    } catch (error) {
      if ((error as { code?: unknown }).code !== cursorNotFound) throw error;
    } finally {
      await reader.close();
    }
  }
}

/** Handles the next batch and rests. Returns where it has come to; nothing at the end. */
async function step<Item>(
  given: Walk<Item>,
  reader: Reader<Item>,
  watch: ForegroundWatch,
  { controller }: Place,
): Promise<Place | undefined> {
  const batch = await reader.take(controller.batchSize);
  if (batch.length === 0) return undefined;
  const { result, elapsedMs, slowed } = await watch.beside(() => handleBatch(given, batch, controller));
  const documents = batch.reduce((sum, { weight }) => sum + weight, 0);
  const { state, pauseMs } = afterBatch(result, { documents, elapsedMs, slowed }, given.limits);
  const place = { after: batch.at(-1)?.id, controller: state };
  await given.reached(place, { items: batch.length, elapsedMs: elapsedMs + pauseMs });
  await pause(pauseMs, given.signal);
  return place;
}

interface Prepared<Item> {
  readonly id: unknown;
  readonly item: Item;
  readonly weight: number;
}

/** One open cursor: asking anew for each batch would let some servers read all that is left each time. */
class Reader<Item> {
  readonly #given: Walk<Item>;
  #cursor: mongo.FindCursor<Document> | undefined;
  #after: unknown;

  constructor(given: Walk<Item>, after: unknown) {
    this.#given = given;
    this.#after = after;
  }

  /** The next documents; by a cursor of its own when the one before broke with its connection. */
  take(weight: number): Promise<Prepared<Item>[]> {
    return withRetries(async () => {
      try {
        return await this.#take(weight);
      } catch (error) {
        await this.close().catch(() => undefined);
        throw error;
      }
    }, this.#given.signal);
  }

  async #take(weight: number): Promise<Prepared<Item>[]> {
    this.#cursor ??= this.#open();
    const batch: Prepared<Item>[] = [];
    for (let taken = 0; taken < weight; ) {
      const document = await this.#cursor.next();
      if (!document) break;
      const prepared = this.#given.prepare(document);
      batch.push({ id: document._id, ...prepared });
      taken += Math.max(prepared.weight, 1);
    }
    this.#after = batch.at(-1)?.id ?? this.#after;
    return batch;
  }

  #open(): mongo.FindCursor<Document> {
    const { collection, projection } = this.#given;
    const filter = this.#after === undefined ? {} : { _id: { $gt: this.#after } };
    return collection
      .find<Document>(filter as Document, { ...(projection && { projection }), batchSize: 500 })
      .sort({ _id: 1 });
  }

  async close(): Promise<void> {
    const cursor = this.#cursor;
    this.#cursor = undefined;
    await cursor?.close();
  }
}

/** Handles a batch, in smaller parts after it timed out. Returns the controller's state, which remembers that. */
async function handleBatch<Item>(
  given: Walk<Item>,
  batch: readonly Prepared<Item>[],
  state: ControllerState,
): Promise<ControllerState> {
  let parts = 1;
  let done = 0;
  for (let timeouts = 0; ; timeouts++) {
    try {
      const size = Math.ceil(batch.length / parts);
      while (done < batch.length) {
        await given.handle(batch.slice(done, done + size).map(({ item }) => item));
        done += size;
      }
      return timeouts === 0 ? state : afterTimeout(state, given.limits);
    } catch (error) {
      if (toOptimizerError(error).code !== "TIMED_OUT") throw error;
      if (timeouts === maxTimeouts)
        throw new OptimizerError("TIMED_OUT", "A batch timed out again and again", { cause: error });
      throwIfAborted(given.signal);
      parts *= 2;
    }
  }
}
