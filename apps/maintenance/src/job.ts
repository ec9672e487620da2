import type { Logger } from "pino";

/** What a job gets to work with. */
export interface JobContext {
  /** Aborted when the job must stop: it finishes the batch that is under way and returns. */
  readonly signal: AbortSignal;
  readonly log: Logger;
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
  run(context: JobContext): Promise<JobOutcome>;
}
