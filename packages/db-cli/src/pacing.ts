import type { LoadSignal, PaceLimits, ThrottleLimits } from "@org/db-optimizer";
import { loadSignals, reserveSignals } from "@org/db-optimizer/jobs";

/** Options of commands that work in batches. */
export interface PacingOptions {
  /** Highest p99 latency of reads, as a multiple of their idle latency; infinite: reads are not measured. */
  readonly maxSlowdown: number;
  /** Largest part of the time that it works. */
  readonly maxShare?: number;
  /** Most documents per second. Default: no limit. */
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
    limits: {
      maxSlowdown,
      ...(maxShare !== undefined && { maxShare }),
      ...(maxRate !== undefined && { maxRate }),
    },
    throttle: { unwatched },
  };
}

/** A wait of a run, as its progress and its record have it. */
export interface Wait {
  readonly reason?: string | undefined;
  readonly detail?: string | undefined;
}

/**
 * What ends a wait that does not end by itself: while the server's load may not be read, a run waits for the privilege.
 * Nothing for any other wait. Pure.
 */
export function remedyOf({ reason, detail = "" }: Wait): string | undefined {
  // A member that is away, or a question that fails, may be answered in a moment.
  if (reason !== "unreadable" || !detail.includes("may not be read")) return undefined;
  const names = loadSignals.filter((name) => !reserveSignals.includes(name)).join(" ");
  return `grant the user clusterMonitor, or stop it and run it with --unwatched ${names}`;
}

/** Whether the process lowers its CPU priority: not where reads are not measured. */
export function givesWay({ maxSlowdown }: PacingOptions): boolean {
  return Number.isFinite(maxSlowdown);
}
