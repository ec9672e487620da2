import type { JobIdentity, Run, WorkDone } from "@org/db-optimizer/jobs";
import type { Logger } from "pino";

/** Dependencies of a job. */
export interface JobContext {
  /** The run that it is the work of; a job in batches works within it. */
  readonly run: Run;
  /** Aborted when the job must stop: it finishes the batch that is under way and returns. */
  readonly signal: AbortSignal;
  readonly log: Logger;
}

/** Result of a job: `result` is kept in the record and logged. */
export type JobDone = Omit<WorkDone<unknown>, "value">;

/**
 * A recurring task that one instance at a time runs. One that `isResumable` works in batches: it can be paused,
 * and continues where it stopped. Any other is cancelled by its signal, and starts over.
 */
export interface Job extends JobIdentity {
  /** Name for people. */
  readonly name: string;
  /** A cron expression, or `off`. */
  readonly schedule: string;
  run(context: JobContext): Promise<JobDone>;
}
