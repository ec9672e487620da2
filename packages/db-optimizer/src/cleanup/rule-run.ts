import { OptimizerError, toOptimizerError } from "../core/errors.js";
import { withRetries } from "../core/server/transient.js";
import {
  afterBatch,
  afterThrottle,
  afterTimeout,
  type ControllerLimits,
  type ControllerState,
  isExhausted,
  startController,
} from "../jobs/controller.js";
import { ForegroundWatch } from "../jobs/foreground.js";
import type { Lease } from "../jobs/lease.js";
import { type ActionTarget, type Actor, openActor } from "./actions.js";
import type { IdReader } from "./id-reader.js";
import type { Pacer, Wait } from "./pacer.js";
import type { CleanupStop } from "./report.js";
import type { RuleState } from "./run-store.js";

/** All that one rule of a run needs. */
export interface RuleWork extends ActionTarget {
  readonly reader: IdReader;
  readonly limits: ControllerLimits;
  readonly lease: Lease;
  readonly pacer: Pacer;
  readonly signal: AbortSignal;
  /** Where the rule is: written down, told, or both. */
  readonly note: (state: RuleState, batchSize: number, wait: Wait | null) => Promise<void>;
}

/** What came of a rule. */
export interface RuleEnd {
  readonly state: RuleState;
  readonly stop: CleanupStop | null;
}

/** Carries out one rule that names something, batch by batch, from where its state says. */
export async function runRule(work: RuleWork, from: RuleState): Promise<RuleEnd> {
  const actor = await openActor(work);
  const watch = new ForegroundWatch([work.collection], work.limits);
  try {
    return await new RuleRun(work, from, { actor, watch }).run();
  } finally {
    await actor.close();
  }
}

interface Parts {
  readonly actor: Actor;
  readonly watch: ForegroundWatch;
}

class RuleRun {
  readonly #work: RuleWork;
  readonly #actor: Actor;
  readonly #limits: ControllerLimits;
  readonly #reader: IdReader;
  readonly #watch: ForegroundWatch;
  #state: RuleState;
  #controller: ControllerState;

  constructor(work: RuleWork, from: RuleState, { actor, watch }: Parts) {
    this.#work = work;
    this.#actor = actor;
    this.#limits = work.limits;
    this.#state = from;
    this.#controller = from.controller ?? startController(work.limits);
    this.#reader = work.reader;
    this.#watch = watch;
  }

  /** To be called when there is something to do. */
  async run(): Promise<RuleEnd> {
    const { pacer, collection } = this.#work;
    for (let more = true; more; ) {
      const clearance = await pacer.clearance(collection.collectionName, (wait) => this.#note(wait));
      if ("stop" in clearance) return { state: this.#state, stop: clearance.stop };
      if (clearance.throttled) this.#controller = afterThrottle(this.#controller, this.#limits);
      const began = performance.now();
      const ids = await this.#next(Math.min(this.#controller.batchSize, this.#limits.maxBatch));
      const batch = await this.#watch.beside(() => this.#batch(ids));
      more = await this.#hasMore();
      // Nobody waits for a rest after the last batch.
      if (more) await pacer.rest(Math.max(batch.result, batch.restMs));
      this.#state = { ...this.#state, activeMs: this.#state.activeMs + performance.now() - began };
    }
    return { state: { ...this.#state, cursor: null }, stop: null };
  }

  async #hasMore(): Promise<boolean> {
    return (await this.#next(1)).length > 0;
  }

  #next(size: number): Promise<unknown[]> {
    return this.#retrying(() => this.#reader.next(size));
  }

  /** @returns milliseconds to rest for the sake of all but reads */
  async #batch(ids: readonly unknown[]): Promise<number> {
    const started = performance.now();
    const moved = await this.#act(ids);
    if (moved === "timed out") return this.#timedOut();
    const elapsedMs = performance.now() - started;
    this.#reader.take(ids.length, moved);
    const tooMuch = this.#watch.takeTooMuch();
    const step = afterBatch(this.#controller, { documents: ids.length, elapsedMs, tooMuch }, this.#limits);
    this.#controller = step.state;
    const { done, batches } = this.#state;
    this.#state = {
      ...this.#state,
      done: done + moved,
      batches: batches + 1,
      cursor: this.#reader.cursor,
      controller: this.#controller,
    };
    await this.#note(null);
    return step.pauseMs;
  }

  async #act(ids: readonly unknown[]): Promise<number | "timed out"> {
    try {
      return await this.#retrying(async () => {
        // Right before the write: whoever slept longer than the lease lasts learns it here.
        await this.#work.lease.confirmIfStale();
        return this.#actor.act(ids);
      });
    } catch (error) {
      if (toOptimizerError(error).code === "TIMED_OUT") return "timed out";
      throw error;
    }
  }

  #timedOut(): number {
    if (isExhausted(this.#controller)) {
      const message = `Rule "${this.#work.rule.name}" timed out again and again, at last on a single document`;
      throw new OptimizerError("TIMED_OUT", message, { details: { rule: this.#work.rule.name } });
    }
    this.#controller = afterTimeout(this.#controller, this.#limits);
    return this.#limits.targetMs * this.#limits.niceRatio;
  }

  #retrying<T>(run: () => Promise<T>): Promise<T> {
    return withRetries(run, this.#work.signal);
  }

  #note(wait: Wait | null): Promise<void> {
    return this.#work.note(this.#state, this.#controller.batchSize, wait);
  }
}
