import type { LoadSignal, PaceLimits, ProgressReport, ThrottleLimits } from "@org/db-optimizer";
import { progressText } from "@org/db-optimizer/jobs";

/** Options of commands that work in batches. */
export interface PacingOptions {
  /** Highest p99 latency of reads, as a multiple of their idle latency; infinite: reads are not measured. */
  readonly maxSlowdown: number;
  /** Largest part of the time that it works. */
  readonly maxShare: number;
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
      maxShare,
      ...(maxRate !== undefined && { maxRate }),
    },
    throttle: { unwatched },
  };
}

/** Whether the process lowers its CPU priority: not where reads are not measured. */
export function lowersPriority({ maxSlowdown }: PacingOptions): boolean {
  return Number.isFinite(maxSlowdown);
}

/** The progress of a run on a terminal, which cuts a line off at its right: what to do comes first. Pure. */
export function progressLine(progress: ProgressReport): string {
  const { step, paused } = progress;
  return paused?.remedy
    ? `${step}: waits: ${paused.remedy} (${paused.detail})`
    : progressText(progress, paused);
}
