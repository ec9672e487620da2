import type { Feature, Level } from "../features.js";

/**
 * Counts over the legitimate sign-ins of all users. Values that were never seen have a count of 0. An answer that is no
 * number counts as 0, so an unreachable store makes the engine less certain, not wrong.
 */
export interface Population {
  /** Sign-ins that had this value. */
  count(feature: Feature, level: Level, value: string): number;
  totals(): {
    /** Sign-ins counted. */
    readonly logins: number;
    /** Users that they are of. */
    readonly users: number;
  };
}
