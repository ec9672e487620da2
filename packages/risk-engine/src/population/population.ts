import type { Feature, Level } from "../features.js";

/**
 * What everybody's legitimate sign-ins look like. Counts of values that were never seen are 0. An answer that is no
 * number counts as 0, so a store that is away makes the engine less sure, not wrong.
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
