import type { mongo } from "mongoose";
import { filtersAfter } from "../core/bson/id-order.js";
import { OptimizerError, toOptimizerError } from "../core/errors.js";
import type { Document } from "../core/model.js";
import { pause, throwIfAborted } from "../core/pause.js";
import { primary } from "../core/server/own-collection.js";
import { withRetries } from "../core/server/transient.js";
import {
  afterBatch,
  afterTimeout,
  type ControllerLimits,
  type ControllerState,
  startController,
} from "../jobs/controller.js";
import { ForegroundWatch } from "../jobs/foreground.js";

/** Where a walk begins, or has come to. */
interface Place {
  /** Last `_id` that was handled. */
  readonly after: unknown;
  readonly controller: ControllerState;
}

/** How a collection is walked through. */
export interface Walk<Item> {
  readonly collection: mongo.Collection;
  readonly projection?: Document;
  readonly from: Place | undefined;
  readonly limits: ControllerLimits;
  /** Collections whose reads are not to be slowed down. */
  readonly watched: readonly mongo.Collection[];
  readonly signal: AbortSignal;
  /** What is made of a document, and how many documents it counts for. */
  prepare(document: Document): { readonly item: Item; readonly weight: number };
  /** Handles a batch; it must bear repetition. */
  handle(batch: readonly Item[]): Promise<void>;
  /** After each batch, with the milliseconds since the one before, rests included. */
  reached(place: Place, handled: { readonly items: number; readonly elapsedMs: number }): Promise<void>;
}

const maxTimeouts = 3;
/** A cursor that idled away during a long pause. */
const cursorNotFound = 43;
/** Cursors that may be lost one after the other without a batch in between. */
const maxLostCursors = 5;

/**
 * Walks a collection in the order of `_id`, in batches that adapt to the server, with a rest between them. A batch that
 * times out is done again in halves.
 *
 * @throws {OptimizerError} `ABORTED`, `TIMED_OUT` after the third time in a row, and what `handle` throws
 */
export async function walk<Item>(given: Walk<Item>): Promise<void> {
  const watch = new ForegroundWatch(given.watched, given.limits);
  const { after, controller = startController(given.limits) } = given.from ?? {};
  const last = given.from && { id: after };
  let station: Station = { last, controller, since: performance.now(), restMs: 0 };
  for (let lost = 0; ; lost++) {
    const reader = new Reader(given, station.last);
    try {
      for (;;) {
        throwIfAborted(given.signal);
        const next = await step(given, reader, watch, station);
        if (!next) return;
        station = next;
        lost = 0;
      }
    } catch (error) {
      if ((error as { code?: unknown }).code !== cursorNotFound || lost === maxLostCursors) throw error;
    } finally {
      await reader.close();
    }
  }
}

/** The last document that was handled: its `_id` may be `null`. */
type Last = { readonly id: unknown } | undefined;

/** Where a walk is, since when by `performance.now()`, and the milliseconds to rest there. */
interface Station {
  /** Nothing before the first. */
  readonly last: Last;
  readonly controller: ControllerState;
  readonly since: number;
  readonly restMs: number;
}

/** Rests and handles the next batch. Returns where it has come to; nothing at the end. */
async function step<Item>(
  given: Walk<Item>,
  reader: Reader<Item>,
  watch: ForegroundWatch,
  { controller, since, restMs }: Station,
): Promise<Station | undefined> {
  // Nobody waits for a rest after the last batch; and what is handled is read after the rest, not before.
  if (!(await reader.hasMore())) return undefined;
  await pause(restMs, given.signal);
  const watched = await watch.beside(async () => {
    const started = performance.now();
    const batch = await reader.take(controller.batchSize);
    if (batch.length === 0) return undefined;
    const documents = batch.reduce((sum, { weight }) => sum + weight, 0);
    const handled = await handleBatch(given, batch, controller);
    const at = performance.now();
    const done = { documents, elapsedMs: at - started, tooMuch: watch.takeTooMuch() };
    const { state, pauseMs } = afterBatch(handled, done, given.limits);
    const { id } = batch.at(-1) as Prepared<Item>;
    await given.reached({ after: id, controller: state }, { items: batch.length, elapsedMs: at - since });
    return { last: { id }, controller: state, since: at, restMs: pauseMs };
  });
  if (!watched.result) return undefined;
  return { ...watched.result, restMs: Math.max(watched.result.restMs, watched.restMs) };
}

interface Prepared<Item> {
  readonly id: unknown;
  readonly item: Item;
  readonly weight: number;
}

/**
 * One open cursor: asking anew for each batch would let some servers read all that is left each time. Opened anew behind
 * a document it needs two, one after the other: see `filtersAfter`.
 */
class Reader<Item> {
  readonly #given: Walk<Item>;
  #last: Last;
  #open: mongo.FindCursor<Document> | undefined;
  /** What is to be read when the open cursor has come to its end. */
  #filters: readonly Document[];

  constructor(given: Walk<Item>, last: Last) {
    this.#given = given;
    this.#last = last;
    this.#filters = filtersFrom(last);
  }

  hasMore(): Promise<boolean> {
    return this.#retrying(() => this.#hasMore());
  }

  take(weight: number): Promise<Prepared<Item>[]> {
    return this.#retrying(() => this.#take(weight));
  }

  /** By a cursor of its own when the one before broke with its connection. */
  #retrying<T>(read: () => Promise<T>): Promise<T> {
    return withRetries(async () => {
      try {
        return await read();
      } catch (error) {
        await this.close().catch(() => undefined);
        throw error;
      }
    }, this.#given.signal);
  }

  async #take(weight: number): Promise<Prepared<Item>[]> {
    const batch: Prepared<Item>[] = [];
    for (let taken = 0; taken < weight && (await this.#hasMore()); ) {
      const document = (await this.#open?.next()) as Document;
      const prepared = this.#given.prepare(document);
      batch.push({ id: document._id, ...prepared });
      taken += Math.max(prepared.weight, 1);
    }
    const end = batch.at(-1);
    if (end) this.#last = { id: end.id };
    return batch;
  }

  async #hasMore(): Promise<boolean> {
    for (;;) {
      if (await this.#open?.hasNext()) return true;
      const [next, ...rest] = this.#filters;
      if (!next) return false;
      await this.#open?.close();
      this.#open = this.#find(next);
      this.#filters = rest;
    }
  }

  #find(filter: Document): mongo.FindCursor<Document> {
    const { collection, projection } = this.#given;
    const options = { ...primary, ...(projection && { projection }), batchSize: 500 };
    return collection.find<Document>(filter, options).sort({ _id: 1 });
  }

  /** Whatever is asked for next is read by a new cursor, behind the last document that was taken. */
  async close(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    this.#filters = filtersFrom(this.#last);
    await open?.close();
  }
}

const filtersFrom = (last: Last): readonly Document[] => (last ? filtersAfter(last.id) : [{}]);

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
