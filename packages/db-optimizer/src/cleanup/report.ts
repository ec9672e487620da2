// The report of a cleanup.
import type { CollectionSize } from "../core/server/collection-size.js";
import type { Latency } from "../core/server/latency.js";
import type { RunStop, UnknownSignal } from "../jobs/pacing/pacer.js";
import type { SetAsideReport } from "../jobs/set-aside.js";

/** How long something would take. */
export interface TimeEstimate {
  readonly ms: number;
  /** `measured`: by an earlier run of the rule. `assumed`: at a thousand documents a second. */
  readonly basis: "measured" | "assumed";
}

/** Result of one rule, or its plan. */
export interface RuleReport {
  readonly rule: string;
  readonly collection: string;
  /** Expired documents when the rule began; if the rule stopped before they were counted, those that it handled. */
  readonly matched: number;
  /**
   * Documents whose field holds something that is no date, which the rule never reaches: a text, a number. Counted in a dry
   * run, for ten seconds at most; absent when there are none, or when they were not counted.
   */
  readonly withoutDate?: number;
  /** Documents that this call left as they are, since it cannot name or archive them exactly; absent when there are none. */
  readonly setAside?: SetAsideReport;
  /** Estimate from the average document size. */
  readonly matchedBytes: number;
  /** Time that it would take at the default pace, from what earlier runs measured. */
  readonly estimate: TimeEstimate;
  /** Documents that this call removed, archived or anonymised, as acknowledged; 0 in a dry run. */
  readonly deleted: number;
  readonly batches: number;
  readonly elapsedMs: number;
  /** Index that the rule read by. */
  readonly index: string | null;
}

/** Size of a collection around a cleanup. */
export interface CollectionImpact {
  readonly collection: string;
  readonly before: CollectionSize;
  readonly after: CollectionSize;
}

/** Replication lag around a cleanup, milliseconds; `null` where it was not read. */
export interface LagImpact {
  readonly before: number | null;
  /** The highest that was seen. */
  readonly during: number | null;
  readonly after: number | null;
}

/** Result and cost of a cleanup. */
export interface CleanupReport {
  readonly dryRun: boolean;
  /** Id of the run; `null` in a dry run. */
  readonly runId: string | null;
  /** It went on with a run that had not ended. */
  readonly resumed: boolean;
  /** Cut short; running it again goes on, unless it was cancelled. */
  readonly stopped: boolean;
  readonly stopReason: RunStop | null;
  readonly startedAt: Date;
  readonly elapsedMs: number;
  /** Of those, milliseconds at work and in pauses. */
  readonly activeMs: number;
  readonly pausedMs: number;
  /** Of a run that was stopped: the rules that it came to. */
  readonly rules: readonly RuleReport[];
  readonly collections: readonly CollectionImpact[];
  /** Latency of the given queries before, during and after; empty without queries, and in a dry run. */
  readonly latency: { readonly before: Latency; readonly during: Latency; readonly after: Latency } | null;
  /** `null` where there is no replication, where it is not watched, and in a dry run. */
  readonly lag: LagImpact | null;
  /** Signals that could not be read: the oplog and the free disk, on some servers. */
  readonly unknown: readonly UnknownSignal[];
}
