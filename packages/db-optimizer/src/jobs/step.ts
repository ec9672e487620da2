// Where a run is: the state of its steps, and the one form of progress for records, callbacks, texts and JSON.
import { countText, durationText, rateText } from "../core/figure-text.js";
import type { PaceState } from "./pacing/pace.js";
import type { Wait } from "./pacing/pacer.js";

/** Where one step of a run is: one rule of a cleanup, one walk of a migration. */
export interface StepState {
  readonly step: string;
  readonly collection: string;
  /** Tells what the step does: it continues only where that is the same. */
  readonly hash: string;
  /** Documents to handle as of the last count, those that are done included; `null` before that. */
  readonly total: number | null;
  readonly done: number;
  readonly batches: number;
  /** Milliseconds at work: pauses between batches count, waits do not. */
  readonly activeMs: number;
  /** The position that the step continues from; `null` for its beginning. */
  readonly cursor: unknown;
  readonly pace: PaceState | null;
}

/** How far a run is, as its record has it. */
export interface RunProgress {
  /** The step that it is in. */
  readonly step: string;
  readonly collection: string;
  /** Documents that the step has handled. */
  readonly done: number;
  /** Documents that the step has to handle; `null` while they are being counted. */
  readonly total: number | null;
  /** Documents per second of the time at work: pauses between batches count, waits do not. */
  readonly rate: number;
  /** Milliseconds left at that rate, also while it waits; `null` before there is a rate and a total. */
  readonly etaMs: number | null;
}

/** Report of a running job after each batch, and about once a second while it waits. */
export interface ProgressReport extends RunProgress {
  /** `null` where there is no record: of a comparison that changes nothing. */
  readonly runId: string | null;
  readonly batchSize: number;
  /** Why it waits; `null` while it works. */
  readonly paused: Omit<Wait, "ms"> | null;
  /** Milliseconds at work and in waits, over all the processes that went on with the run. */
  readonly activeMs: number;
  readonly pausedMs: number;
}

/** A step before its first batch. */
export function idleStep(step: string, collection: string, hash: string): StepState {
  return { step, collection, hash, total: null, done: 0, batches: 0, activeMs: 0, cursor: null, pace: null };
}

/**
 * How far a step is. Pure.
 *
 * @param from where this process took it up: the rate is that of this process, before its first batch of those before it
 */
export function progressOf(state: StepState, from: StepState = state, waitMs = 0): RunProgress {
  const { step, collection, done } = state;
  // Documents that came after the count are handled as well: nothing is more than whole, and no time is left below none.
  const total = state.total === null ? null : Math.max(state.total, done);
  const rate = rateOf(state, from);
  const etaMs = total !== null && rate > 0 ? ((total - done) / rate) * 1_000 + waitMs : null;
  return { step, collection, done, total, rate, etaMs };
}

function rateOf(state: StepState, from: StepState): number {
  const [done, ms] = [state.done - from.done, state.activeMs - from.activeMs];
  if (done > 0 && ms > 0) return (done / ms) * 1_000;
  return state.activeMs > 0 ? (state.done / state.activeMs) * 1_000 : 0;
}

/** Progress in a line: "old-logs: 1,200 of 3,000 (40 %), 300 per second, 6.0 s left". Pure. */
export function progressText(
  { step, done, total, rate, etaMs }: RunProgress,
  paused: { readonly detail: string } | null = null,
): string {
  // A count of millions takes longer than the first batches.
  const share = total ? Math.min(100, Math.floor((done / total) * 100)) : 100;
  const of = total === null ? "" : ` of ${countText(total)} (${share} %)`;
  // Before the first pause between batches the rate is not known.
  const pace = rate > 0 ? `, ${rateText(rate)}` : "";
  const left = etaMs === null || done === total ? "" : `, ${durationText(etaMs)} left`;
  return `${step}: ${countText(done)}${of}${paused ? `, paused: ${paused.detail}` : pace}${left}`;
}
