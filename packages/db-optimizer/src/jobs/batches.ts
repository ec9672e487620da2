// Does a task batch by batch: each when the server has room for it, smaller where it times out.
import { OptimizerError, toOptimizerError } from "../core/errors.js";
import { withRetries } from "../core/server/transient.js";
import type { ForegroundWatch } from "./pacing/foreground.js";
import {
  afterBatch,
  afterPause,
  afterTimeout,
  isExhausted,
  type PaceLimits,
  type PaceState,
  regardsReads,
} from "./pacing/pace.js";
import type { Pacer, RunStop, Wait } from "./pacing/pacer.js";

/** Where the documents of a task come from, in an order that it can be gone on with. */
export interface BatchSource<Item> {
  hasMore(): Promise<boolean>;
  /** The next ones, of at most so many documents, one at least. They stay the next until they are taken. */
  next(documents: number): Promise<readonly Item[]>;
  /** So many of them were seen to, and so many documents were handled. */
  take(items: number, handled: number): void;
}

/** Work in batches: its size, its source, and the action on each batch. */
export interface Task<Item> {
  /** For messages, and for the details of errors. */
  readonly name: string;
  readonly details: Readonly<Record<string, string>>;
  /** The collection that is worked on. */
  readonly collection: string;
  /** How many documents there are to handle from where the task begins. */
  count(): Promise<number>;
  readonly batches: BatchSource<Item>;
  /** Handles a batch; it must bear repetition. Returns how many documents were handled. */
  process(batch: readonly Item[]): Promise<number>;
  /** How many documents an item counts for. Default 1. */
  weightOf?(item: Item): number;
}

/** Where a task is. */
export interface TaskState {
  /** Items that were seen to. */
  readonly items: number;
  /** Documents that were handled. */
  readonly done: number;
  readonly batches: number;
  /** Milliseconds at work, rests included and pauses not. */
  readonly activeMs: number;
  readonly pace: PaceState;
}

/** Context of a task. */
export interface BatchRun {
  readonly limits: PaceLimits;
  readonly pacer: Pacer;
  readonly watch: ForegroundWatch;
  readonly signal: AbortSignal;
  /** Where the task is, after each batch and about once a second in a pause: written down, told, or both. */
  note(state: TaskState, wait: Wait | null): Promise<void>;
}

/** Result of a task. */
export interface TaskEnd {
  readonly state: TaskState;
  /** Why it ended before it was through. */
  readonly stop: RunStop | null;
}

/** Milliseconds of rest after a batch that timed out, where reads are regarded. */
const timedOutRestMs = 500;

/**
 * Does a task batch by batch from where its state says: each when the server has room for it, as large and as soon after
 * the one before as reads beside it bear. A batch that times out is done again in halves; after one that fails with the
 * connection it goes on.
 *
 * @throws {OptimizerError} `TIMED_OUT` when even a single document times out repeatedly; `LEASE_LOST`, and what
 * `process` throws
 */
export async function runBatches<Item>(task: Task<Item>, from: TaskState, run: BatchRun): Promise<TaskEnd> {
  const { pacer, watch } = run;
  let state = from;
  while (await task.batches.hasMore()) {
    const clearance = await pacer.clearance(task.collection, (wait) => run.note(state, wait));
    if ("stop" in clearance) return { state, stop: clearance.stop };
    if (clearance.throttled) state = { ...state, pace: afterPause(state.pace) };
    const began = performance.now() - state.activeMs;
    const batch = await watch.beside(() => oneBatch(task, state, run, began));
    state = batch.state;
    // Nobody waits for a rest after the last batch.
    if (await task.batches.hasMore()) await watch.duringPause(() => pacer.rest(batch.restMs));
    state = { ...state, activeMs: performance.now() - began };
  }
  return { state, stop: null };
}

interface Rested {
  readonly state: TaskState;
  readonly restMs: number;
}

/** @param began when the task would have begun if it had worked without a pause, by `performance.now()` */
async function oneBatch<Item>(
  task: Task<Item>,
  state: TaskState,
  run: BatchRun,
  began: number,
): Promise<Rested> {
  const { batches, weightOf = () => 1 } = task;
  const batch = await batches.next(Math.min(state.pace.batchSize, run.limits.maxBatch));
  const started = performance.now();
  const handled = await processed(task, batch, run.signal);
  if (handled === "timed out") return timedOut(task, state, run.limits);
  batches.take(batch.length, handled);
  const documents = batch.reduce((sum, item) => sum + weightOf(item), 0);
  const done = { documents, elapsedMs: performance.now() - started, ...run.watch.take() };
  const { state: pace, restMs } = afterBatch(state.pace, done, run.limits);
  const next: TaskState = {
    ...state,
    items: state.items + batch.length,
    done: state.done + handled,
    batches: state.batches + 1,
    activeMs: performance.now() - began,
    pace,
  };
  await run.note(next, null);
  return { state: next, restMs };
}

async function processed<Item>(
  task: Task<Item>,
  batch: readonly Item[],
  signal: AbortSignal,
): Promise<number | "timed out"> {
  try {
    return await withRetries(() => task.process(batch), signal);
  } catch (error) {
    if (toOptimizerError(error).code === "TIMED_OUT") return "timed out";
    throw error;
  }
}

function timedOut<Item>({ name, details }: Task<Item>, state: TaskState, limits: PaceLimits): Rested {
  if (isExhausted(state.pace)) {
    const message = `${name} timed out repeatedly, even on one document`;
    throw new OptimizerError("TIMED_OUT", message, { details });
  }
  const restMs = regardsReads(limits) ? timedOutRestMs : 0;
  return { state: { ...state, pace: afterTimeout(state.pace) }, restMs };
}
