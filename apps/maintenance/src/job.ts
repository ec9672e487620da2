import type { Logger } from "pino";
import type { RunProgress, RunWanted } from "./runs.js";

/** What a job gets to work with. */
export interface JobContext {
  /** Aborted when the job must stop: it finishes the batch that is under way and returns. */
  readonly signal: AbortSignal;
  readonly log: Logger;
  /** What a person asked of the run; a job that can be paused asks between two batches. */
  wanted(): RunWanted | undefined;
  /** Tells where the run is, and why it waits; what is told last is written down about once a second. */
  report(report: JobReport): void;
}

/** What a job tells of its run. */
export interface JobReport {
  readonly progress?: RunProgress;
  /** Why it waits; `null` when it works. */
  readonly paused: { readonly reason: string; readonly detail: string } | null;
}

/** What a job did. */
export interface JobOutcome {
  /** Kept in the history and logged; counts and durations, no personal data. */
  readonly result: Record<string, unknown>;
  /** True when it was told to stop before the end. */
  readonly interrupted: boolean;
}

/** Something to be done now and then, by one instance at a time. */
export interface Job {
  readonly name: string;
  /** A cron expression, or `off`. */
  readonly schedule: string;
  /**
   * Whether it heeds {@link JobContext.wanted} by itself: it can be paused, and a run that goes on after an interruption
   * does so where it was. Any other job is cancelled by its signal, and begins anew.
   */
  readonly pausable: boolean;
  run(context: JobContext): Promise<JobOutcome>;
}
