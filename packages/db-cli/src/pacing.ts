import type { LoadSignal, PaceLimits, ThrottleLimits } from "@org/db-optimizer";

/** Options of commands that work in batches. */
export interface PacingOptions {
  /** How many times as long reads may take; infinite without regard for them. */
  readonly maxSlowdown: number;
  /** Part of the time that it may work. */
  readonly maxShare: number;
  /** Documents a second. Default: any. */
  readonly maxRate?: number;
  /** Signals of the server's load that are not asked for. */
  readonly unwatched?: readonly LoadSignal[];
}

/** The limits and the throttle that these options say. */
export function pacingOf({ maxSlowdown, maxShare, maxRate, unwatched = [] }: PacingOptions): {
  readonly limits: Partial<PaceLimits>;
  readonly throttle: Partial<ThrottleLimits>;
} {
  return {
    limits: { maxSlowdown, maxShare, ...(maxRate !== undefined && { maxRate }) },
    throttle: { unwatched },
  };
}

/** Whether other processes go first: without regard for reads nobody waits. */
export function givesWay({ maxSlowdown }: PacingOptions): boolean {
  return Number.isFinite(maxSlowdown);
}
