import type { Lease } from "../lease.js";
import type { Document } from "../model.js";
import { IdReader } from "./id-reader.js";
import { type Paced, Pacer, type Wait } from "./pacer.js";
import type { CleanupStop, RuleReport } from "./report.js";
import { runRule } from "./rule-run.js";
import type { ParsedCleanupRule } from "./rules.js";
import type { CleanupState, RuleState, RunStore } from "./run-store.js";

/** A rule at its moment, with the index that it reads by. */
export interface DueRule {
  readonly rule: ParsedCleanupRule;
  readonly filter: Document;
  readonly index: string | null;
}

/** With how many documents it names. */
export interface Counted extends DueRule {
  readonly matched: number;
}

/** What came of the rules. */
export interface Finished {
  readonly rules: readonly (Counted & {
    readonly did: Pick<RuleReport, "deleted" | "batches" | "elapsedMs">;
  })[];
  readonly stop: CleanupStop | null;
}

/** A run at work in this process: its rules one after the other, its time, and what it tells. */
export class Work {
  readonly pacer: Pacer;
  readonly store: RunStore;
  /** Whether an earlier process had begun it. */
  readonly resumed: boolean;
  readonly #paced: Paced;
  readonly #lease: Lease;
  readonly #rules: RuleState[];
  readonly #began = performance.now();

  constructor(paced: Paced, lease: Lease) {
    this.#paced = paced;
    this.#lease = lease;
    this.store = paced.store;
    this.pacer = new Pacer(paced);
    const { begun } = paced.store;
    this.#rules = [...begun.rules];
    this.resumed = begun.activeMs > 0 || begun.rules.some(({ batches }) => batches > 0);
  }

  /** Carries the rules out in their order, each counted right before. */
  async run(rules: readonly DueRule[], count: (due: DueRule) => Promise<Counted>): Promise<Finished> {
    const finished: Finished["rules"][number][] = [];
    let stop: CleanupStop | null = null;
    for (const [position, due] of rules.entries()) {
      // Whoever stops it does not wait for rules that are not reached to be counted.
      if (stop !== null) break;
      const from = this.#rules[position] as RuleState;
      const reader = this.#reader(due, from);
      try {
        // What is wanted first is asked for while the server counts.
        reader.readAhead();
        const counted = await count(due);
        const started = performance.now();
        if (counted.matched > 0) stop = await this.#rule(position, counted, reader);
        const { done, batches } = this.#rules[position] as RuleState;
        const did = { deleted: done - from.done, batches: batches - from.batches };
        finished.push({ ...counted, did: { ...did, elapsedMs: performance.now() - started } });
      } finally {
        await reader.close();
      }
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
    await this.store.end({ state, ...this.times(), rules: this.#rules }, this.#paced.signal, error);
  }

  #reader({ rule, filter, index }: DueRule, { cursor }: RuleState): IdReader {
    const collection = this.#paced.db.collection(rule.collection);
    return new IdReader({ collection, filter, field: rule.field, index }, cursor);
  }

  async #rule(position: number, counted: Counted, reader: IdReader): Promise<CleanupStop | null> {
    const { rule, filter, matched } = counted;
    const { db, signal, options } = this.#paced;
    const before = this.#rules[position] as RuleState;
    const from = { ...before, total: before.done + matched };
    this.#rules[position] = from;
    const end = await runRule(
      {
        db,
        collection: db.collection(rule.collection),
        rule,
        filter,
        reader,
        limits: options.limits,
        lease: this.#lease,
        pacer: this.pacer,
        signal,
        note: (state, batchSize, wait) => this.#note(position, from, { state, batchSize, wait }),
      },
      from,
    );
    this.#rules[position] = end.state;
    return end.stop;
  }

  async #note(
    position: number,
    from: RuleState,
    { state, batchSize, wait }: { state: RuleState; batchSize: number; wait: Wait | null },
  ): Promise<void> {
    this.#rules[position] = state;
    const paused = wait && { reason: wait.reason, detail: wait.detail };
    const times = this.times();
    const where = paused ? ({ state: "paused", ...paused } as const) : ({ state: "running" } as const);
    await this.store.checkpoint({ ...where, ...times, rules: this.#rules }, this.#paced.signal);
    const rate = paceOf(state, from);
    const left = Math.max(state.total - state.done, 0);
    this.#paced.options.onProgress?.({
      runId: this.store.runId,
      rule: state.rule,
      collection: state.collection,
      done: state.done,
      total: state.total,
      rate,
      etaMs: rate > 0 ? (left / rate) * 1_000 + (wait?.ms ?? 0) : null,
      batchSize,
      paused,
      ...times,
    });
  }
}

// Of this process; before its first batch, of those before it.
function paceOf(state: RuleState, from: RuleState): number {
  const [done, ms] = [state.done - from.done, state.activeMs - from.activeMs];
  if (done > 0 && ms > 0) return (done / ms) * 1_000;
  return state.activeMs > 0 ? (state.done / state.activeMs) * 1_000 : 0;
}
