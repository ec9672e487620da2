import type { Latency } from "./latency.js";

/** Where a running cleanup is. */
export interface CleanupProgress {
  readonly rule: string;
  readonly collection: string;
  /** Documents removed by this rule so far, and to remove as counted at its start. */
  readonly done: number;
  readonly total: number;
  /** Documents per second, pauses included. */
  readonly rate: number;
  /** Milliseconds left at that rate; `null` before there is one. */
  readonly etaMs: number | null;
  readonly batchSize: number;
}

/** Size of a collection in bytes, as the server accounts for it. */
export interface CollectionSize {
  readonly documents: number;
  readonly dataBytes: number;
  readonly storageBytes: number;
  readonly indexBytes: number;
}

/** What one rule did, or would do. */
export interface RuleReport {
  readonly rule: string;
  readonly collection: string;
  /** Documents that were past their retention when the rule began. */
  readonly matched: number;
  /** Estimate from the average document size. */
  readonly matchedBytes: number;
  /** Documents that this run removed; 0 in a dry run. */
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

/** What a cleanup did and what it cost. */
export interface CleanupReport {
  readonly dryRun: boolean;
  /** Cut short by its signal; running it again goes on. */
  readonly stopped: boolean;
  readonly startedAt: Date;
  readonly elapsedMs: number;
  readonly rules: readonly RuleReport[];
  readonly collections: readonly CollectionImpact[];
  /** Latency of the given queries before, during and after; empty without queries, and in a dry run. */
  readonly latency: { readonly before: Latency; readonly during: Latency; readonly after: Latency } | null;
}
