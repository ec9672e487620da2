import { once } from "node:events";
import type { mongo } from "mongoose";
import type { Document } from "../core/model.js";
import { primary } from "../core/server/own-collection.js";
import type { Lease } from "../jobs/lease.js";
import { type PaceLimits, paceLimits, regardsReads } from "../jobs/pace.js";
import { Pacer, pausedBy, type RunStop, type Wait } from "../jobs/pacer.js";
import { SetAside } from "../jobs/set-aside.js";
import type { ParsedCleanupWindow } from "../jobs/window.js";
import { IdReader } from "./id-reader.js";
import type { CleanupOptions } from "./options.js";
import type { RuleReport } from "./report.js";
import { type RuleWork, runRule } from "./rule-run.js";
import type { ParsedCleanupRule } from "./rules.js";
import type { CleanupState, RuleState, RunStore } from "./run-store.js";

/** A rule at its moment, with the index that it reads by. */
export interface DueRule {
  readonly rule: ParsedCleanupRule;
  readonly filter: Document;
  readonly index: string | null;
}

/** What a rule has beside it. */
interface Beside {
  readonly count: (due: DueRule) => Promise<number>;
  readonly ready: Promise<unknown>;
  readonly aside: SetAside;
}

/** With how many documents it names. */
export interface Counted extends DueRule {
  readonly matched: number;
}

/** What came of the rules. */
export interface Finished {
  readonly rules: readonly (Counted & {
    readonly did: Pick<RuleReport, "deleted" | "batches" | "elapsedMs" | "setAside">;
  })[];
  readonly stop: RunStop | null;
}

/** What a run works with. */
export interface WorkContext {
  readonly db: mongo.Db;
  readonly store: RunStore;
  readonly signal: AbortSignal;
  readonly window: ParsedCleanupWindow | undefined;
  readonly options: CleanupOptions;
}

/** A run at work in this process: its rules one after the other, its time, and what it tells. */
export class Work {
  readonly pacer: Pacer;
  readonly store: RunStore;
  /** Whether an earlier process had begun it. */
  readonly resumed: boolean;
  readonly #context: WorkContext;
  readonly #limits: PaceLimits;
  readonly #lease: Lease;
  readonly #rules: RuleState[];
  readonly #began = performance.now();

  constructor(context: WorkContext, lease: Lease) {
    this.#context = context;
    this.#limits = paceLimits(context.options.limits);
    this.#lease = lease;
    this.store = context.store;
    const { db, signal, window, options } = context;
    const wanted = () => {
      const asked = [context.store.wanted, options.control?.()];
      return asked.find((one) => one === "cancel") ?? asked.find((one) => one !== undefined);
    };
    this.pacer = new Pacer({ db, signal, window, throttle: options.throttle, clock: options.clock, wanted });
    const { begun } = context.store;
    this.#rules = [...begun.rules];
    this.resumed = begun.activeMs > 0 || begun.rules.some(({ batches }) => batches > 0);
  }

  /** Whether it asks for one thing at a time, so that the server has something left for others. */
  get isGentle(): boolean {
    return regardsReads(this.#limits);
  }

  /**
   * Carries the rules out in their order. Each is counted when its first ids have been read: while its first batches are
   * done, or before them if it is gentle.
   *
   * @param ready what has to be over before the first write
   */
  async run(
    rules: readonly DueRule[],
    count: (due: DueRule) => Promise<number>,
    ready: Promise<unknown>,
  ): Promise<Finished> {
    const finished: Finished["rules"][number][] = [];
    let stop: RunStop | null = null;
    for (const [position, due] of rules.entries()) {
      // Whoever stops it does not wait for rules that are not reached to be counted.
      if (stop !== null) break;
      const started = performance.now();
      const from = this.#rules[position] as RuleState;
      const aside = new SetAside();
      const end = await this.#rule(position, due, { count, ready, aside });
      stop = end.stop;
      const { done, batches } = this.#rules[position] as RuleState;
      const did = { deleted: done - from.done, batches: batches - from.batches };
      // What went before the count came to it was named as well.
      const matched = Math.max(end.counted, did.deleted);
      const setAside = aside.report();
      const elapsedMs = performance.now() - started;
      finished.push({ ...due, matched, did: { ...did, elapsedMs, ...(setAside && { setAside }) } });
    }
    return { rules: finished, stop };
  }

  /** Milliseconds at work and in pauses, those of earlier processes included. */
  times(): { activeMs: number; pausedMs: number } {
    const { begun } = this.store;
    const active = performance.now() - this.#began - this.pacer.pausedMs;
    return {
      activeMs: Math.round(begun.activeMs + active),
      pausedMs: Math.round(begun.pausedMs + this.pacer.pausedMs),
    };
  }

  async end(state: CleanupState, error?: unknown): Promise<void> {
    await this.store.end({ state, ...this.times(), rules: this.#rules }, this.#context.signal, error);
  }

  /** Carries a rule out. Unless it was stopped, its documents are counted by then. */
  async #rule(
    position: number,
    due: DueRule,
    { count, ready, aside }: Beside,
  ): Promise<{ readonly stop: RunStop | null; readonly counted: number }> {
    const { db, signal } = this.#context;
    const from = this.#rules[position] as RuleState;
    const collection = db.collection(due.rule.collection, primary);
    const reader = new IdReader({ ...due, collection, field: due.rule.field, aside }, from.cursor, signal);
    try {
      reader.readAhead();
      await ready;
      if (!(await reader.hasMore())) {
        this.#rules[position] = { ...from, total: from.done, cursor: null };
        return { stop: null, counted: 0 };
      }
      const counted = later(count(due));
      if (this.isGentle) await unlessAborted(counted.promise, signal);
      const totalled = (state: RuleState) => withTotal(state, from, counted.value);
      const work: RuleWork = {
        ...due,
        db,
        collection,
        reader,
        limits: this.#limits,
        lease: this.#lease,
        pacer: this.pacer,
        signal,
        aside,
        note: (state, batchSize, wait) =>
          this.#note(position, from, { state: totalled(state), batchSize, wait }),
      };
      const end = await runRule(work, from);
      if (end.stop === null) await counted.promise;
      this.#rules[position] = totalled(end.state);
      return { stop: end.stop, counted: counted.value ?? 0 };
    } finally {
      await reader.close();
    }
  }

  async #note(
    position: number,
    from: RuleState,
    { state, batchSize, wait }: { state: RuleState; batchSize: number; wait: Wait | null },
  ): Promise<void> {
    this.#rules[position] = state;
    const paused = wait && pausedBy(wait);
    const times = this.times();
    const where = paused ? ({ state: "paused", ...paused } as const) : ({ state: "running" } as const);
    await this.store.checkpoint({ ...where, ...times, rules: this.#rules }, this.#context.signal);
    const rate = paceOf(state, from);
    const left = state.total === null ? null : Math.max(state.total - state.done, 0);
    this.#context.options.onProgress?.({
      runId: this.store.runId,
      rule: state.rule,
      collection: state.collection,
      done: state.done,
      total: state.total,
      rate,
      etaMs: left !== null && rate > 0 ? (left / rate) * 1_000 + (wait?.ms ?? 0) : null,
      batchSize,
      paused,
      ...times,
    });
  }
}

/**
 * How many documents there were in all: more may have come past their retention since they were counted, by this process
 * or, until it has counted them, by the one before it.
 */
function withTotal(state: RuleState, from: RuleState, counted: number | null): RuleState {
  const total = counted === null ? from.total : from.done + counted;
  return { ...state, total: total === null ? null : Math.max(total, state.done) };
}

/** What a promise comes to, for whoever does not wait for it. */
interface Later<T> {
  readonly promise: Promise<T>;
  /** `null` before it has come to it. */
  readonly value: T | null;
}

function later<T>(promise: Promise<T>): Later<T> {
  const state: { value: T | null } = { value: null };
  // A failure is thrown to whoever waits.
  promise.then(
    (value) => {
      state.value = value;
    },
    () => undefined,
  );
  return Object.assign(state, { promise });
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

// Of this process; before its first batch, of those before it.
function paceOf(state: RuleState, from: RuleState): number {
  const [done, ms] = [state.done - from.done, state.activeMs - from.activeMs];
  if (done > 0 && ms > 0) return (done / ms) * 1_000;
  return state.activeMs > 0 ? (state.done / state.activeMs) * 1_000 : 0;
}
