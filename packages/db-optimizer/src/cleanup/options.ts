// The options of a cleanup.
import type { NamedQuery } from "../core/named-query.js";
import type { CleanupWindow } from "../jobs/pacing/window.js";
import type { WithinOptions } from "../jobs/run-job.js";
import type { WorkOptions } from "../jobs/work.js";

/** How a cleanup runs. A run that writes holds the lease of the job. */
export interface CleanupOptions extends WithinOptions, Omit<WorkOptions, "window"> {
  /** The moment that retention counts from. A run that writes refuses one that the server's clock has not reached. */
  readonly now: Date;
  /** Without it nothing is written: the run counts and estimates. Default false. */
  readonly run?: boolean;
  /** Measured before, during and after, for the report. Default none. */
  readonly queries?: readonly NamedQuery[];
  /** Hours of the day outside which it pauses. Default none: at any time. */
  readonly window?: CleanupWindow;
  /** Lets a rule read a whole collection when no index leads with its field. Default false. */
  readonly allowCollectionScan?: boolean;
}
