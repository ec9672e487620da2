import type { NamedQuery } from "../core/named-query.js";
import type { LeaseOptions } from "../jobs/lease.js";
import type { PaceLimits } from "../jobs/pace.js";
import type { ThrottleLimits } from "../jobs/throttle.js";
import type { CleanupWindow } from "../jobs/window.js";
import type { CleanupProgress } from "./report.js";

/** How a cleanup runs. The lease is taken by a run that writes. */
export interface CleanupOptions extends LeaseOptions {
  /** The moment that retention counts from. A run that writes refuses one that the server's clock has not reached. */
  readonly now: Date;
  /** Without it nothing is written: the run counts and estimates. Default false. */
  readonly run?: boolean;
  /** Stops after the batch under way. */
  readonly signal?: AbortSignal;
  /** Called after each batch, and about once a second while the run is paused. */
  readonly onProgress?: (progress: CleanupProgress) => void;
  /** Asked between batches, beside what {@link controlCleanup} has left in the database. */
  readonly control?: () => "pause" | "cancel" | undefined;
  /** Measured before, during and after, for the report. Default none. */
  readonly queries?: readonly NamedQuery[];
  /** How fast it may work. */
  readonly limits?: Partial<PaceLimits>;
  /** From what load of the server on it waits. */
  readonly throttle?: Partial<ThrottleLimits>;
  /** Hours of the day outside which it pauses. Default none: at any time. */
  readonly window?: CleanupWindow;
  /** Tells the time of the day for `window`, and stamps the run's record. Default the system's clock. */
  readonly clock?: () => Date;
  /** Lets a rule read a whole collection when no index leads with its field. Default false. */
  readonly allowCollectionScan?: boolean;
}
