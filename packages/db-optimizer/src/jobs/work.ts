// The work of a run in batches: tasks one after the other, with a checkpoint after each batch.
import { once } from "node:events";
import type { mongo } from "mongoose";
import { withDefaults } from "../core/defaults.js";
import { runBatches, type Task, type TaskState } from "./batches.js";
import { ForegroundWatch } from "./pacing/foreground.js";
import { defaultPace, type PaceLimits, regardsReads, startPace } from "./pacing/pace.js";
import { Pacer, pausedBy, type RunStop, type Wait } from "./pacing/pacer.js";
import type { ThrottleLimits } from "./pacing/throttle.js";
import type { ParsedCleanupWindow } from "./pacing/window.js";
import type { Run } from "./run.js";
import { idleStep, type ProgressReport, progressOf, type StepState } from "./step.js";

const askAgainMs = 500;

/** How fast a run works, and whom it tells. */
export interface WorkOptions {
  readonly limits?: Partial<PaceLimits> | undefined;
  readonly throttle?: Partial<ThrottleLimits> | undefined;
  readonly window?: ParsedCleanupWindow | undefined;
  /** Tells the time of the day for `window`. Default the system's clock. */
  readonly clock?: (() => Date) | undefined;
  readonly onProgress?: ((progress: ProgressReport) => void) | undefined;
}

/** A step of a run: a task under a name. */
export interface Step<Item> extends Task<Item> {
  /** Name of the step in the record and in progress. */
  readonly step: string;
  /** Collections whose reads are measured beside the work. */
  readonly watched: readonly mongo.Collection[];
  /** Where this process takes it up: see {@link Work.stateOf}. */
  readonly from: StepState;
  /** The position to continue from, after the items that were taken or when it is through. */
  cursor(isThrough: boolean): unknown;
  /** Must settle before the first batch. */
  readonly ready?: Promise<unknown> | undefined;
}

/** Result of a step. */
export interface StepEnd {
  readonly state: StepState;
  /** Documents that there were when it was counted; those that were handled where it was stopped before that. */
  readonly counted: number;
  /** Why it ended before it was through. */
  readonly stop: RunStop | null;
}

/** Works on the steps of a run; without a run on something that has no record, and changes nothing. */
export class Work {
  readonly pacer: Pacer;
  readonly #limits: PaceLimits;
  readonly #run: Run | undefined;
  readonly #signal: AbortSignal;
  readonly #onProgress: WorkOptions["onProgress"];
  readonly #began = performance.now();
  #steps: readonly StepState[];

  constructor(db: mongo.Db, run: Run | undefined, signal: AbortSignal, options: WorkOptions) {
    const { throttle, window, clock } = options;
    const wanted = () => (run?.isPauseWanted ? "pause" : undefined);
    this.pacer = new Pacer({ db, signal, wanted, throttle, window, clock });
    this.#limits = withDefaults(defaultPace, options.limits);
    this.#run = run;
    this.#signal = signal;
    this.#onProgress = options.onProgress;
    this.#steps = run?.begun.steps ?? [];
  }

  /** Whether it asks for one thing at a time, so that the server has something left for others. */
  get isGentle(): boolean {
    return regardsReads(this.#limits);
  }

  /** The state that an earlier process has left of a step that does the same, or that of one before its first batch. */
  stateOf(step: string, collection: string, hash: string): StepState {
    const left = this.#steps.find((one) => one.step === step && one.hash === hash);
    return left ?? idleStep(step, collection, hash);
  }

  /** Milliseconds at work and in waits, those of earlier processes included. */
  times(): { readonly activeMs: number; readonly pausedMs: number } {
    const { activeMs = 0, pausedMs = 0 } = this.#run?.begun ?? {};
    const active = performance.now() - this.#began - this.pacer.pausedMs;
    return {
      activeMs: Math.round(activeMs + active),
      pausedMs: Math.round(pausedMs + this.pacer.pausedMs),
    };
  }

  /** Writes down the steps that lie ahead, so that all are seen from the beginning. */
  async plan(steps: readonly StepState[]): Promise<void> {
    this.#steps = steps;
    await this.#run?.checkpoint({ ...this.times(), steps }, null);
  }

  /** Waits while a person wants a pause, where there is no batch to wait before. */
  async heedPause(): Promise<void> {
    const run = this.#run;
    if (!run?.isPauseWanted) return;
    const began = performance.now();
    while (run.isPauseWanted && !this.#signal.aborted) {
      await run.checkpoint(this.times(), {
        reason: "requested",
        detail: "a user asked for a pause",
        ms: null,
      });
      await this.pacer.rest(askAgainMs);
    }
    this.pacer.pausedMs += performance.now() - began;
    await run.checkpoint(this.times(), null);
  }

  /**
   * Carries a step out from where its state says. It is counted when its first items have been read: beside its first
   * batches, or before them where reads are regarded. Unless it was stopped, it is counted by then.
   *
   * @throws {OptimizerError} `LEASE_LOST`, `TIMED_OUT`, and what `process` throws
   */
  async carryOut<Item>(step: Step<Item>): Promise<StepEnd> {
    const { from, batches } = step;
    await step.ready;
    if (!(await batches.hasMore())) {
      const state = { ...from, total: from.done, cursor: step.cursor(true) };
      this.#keep(state);
      return { state, counted: 0, stop: null };
    }
    let counted: number | null = null;
    const counting = step.count().then((count) => {
      counted = count;
    });
    // A failure is thrown when the count is awaited.
    counting.catch(() => undefined);
    if (this.isGentle) await unlessAborted(counting, this.#signal);
    const stateAt = ({ done, batches: count, activeMs, pace }: TaskState): StepState =>
      withTotal({ ...from, done, batches: count, activeMs, pace, cursor: step.cursor(false) }, from, counted);
    const start = { ...from, items: 0, pace: from.pace ?? startPace(this.#limits) };
    const { state, stop } = await runBatches(step, start, {
      limits: this.#limits,
      pacer: this.pacer,
      signal: this.#signal,
      watch: new ForegroundWatch(step.watched, this.#limits),
      note: (at, wait) => this.#note(stateAt(at), from, wait),
    });
    if (stop === null) await counting;
    const end = { ...stateAt(state), ...(stop === null && { cursor: step.cursor(true) }) };
    this.#keep(end);
    return {
      state: end,
      counted: counted ?? 0,
      stop: this.#run?.isCancelled && stop ? "cancelled" : stop,
    };
  }

  #keep(state: StepState): void {
    const isNew = this.#steps.every(({ step }) => step !== state.step);
    this.#steps = isNew
      ? [...this.#steps, state]
      : this.#steps.map((one) => (one.step === state.step ? state : one));
    this.#run?.keep({ ...this.times(), steps: this.#steps });
  }

  async #note(state: StepState, from: StepState, wait: Wait | null): Promise<void> {
    this.#keep(state);
    const progress = progressOf(state, from, wait?.ms ?? 0);
    const times = this.times();
    await this.#run?.checkpoint({ ...times, steps: this.#steps, progress }, wait);
    this.#onProgress?.({
      ...progress,
      ...times,
      runId: this.#run?.record._id ?? null,
      batchSize: state.pace?.batchSize ?? 0,
      paused: wait && pausedBy(wait),
    });
  }
}

/** More may have come to be named since they were counted, by this process or, until it has counted them, by the one before. */
function withTotal(state: StepState, from: StepState, counted: number | null): StepState {
  const total = counted === null ? from.total : from.done + counted;
  return { ...state, total: total === null ? null : Math.max(total, state.done) };
}

/** Waits for a promise, or until told to stop. */
async function unlessAborted(promise: Promise<unknown>, signal: AbortSignal): Promise<void> {
  const over = new AbortController();
  const aborted = once(signal, "abort", { signal: over.signal }).catch(() => undefined);
  try {
    if (!signal.aborted) await Promise.race([promise, aborted]);
  } finally {
    over.abort();
  }
}
