// How a step ends.

/** Outcome of a step. */
export type StepOutcome =
  /** Carried out. */
  | "done"
  /** The server already had it. */
  | "unneeded"
  /** Replaces or drops an index, and was not asked for. */
  | "skipped"
  /** The index is hidden and being observed; a later run goes on. */
  | "observing"
  /** Harm showed while the index was hidden, so it is visible again. */
  | "unhidden"
  | "failed";

/** How a step ended, and why so where that is not plain. */
export interface StepEnd {
  readonly outcome: StepOutcome;
  /** Of `unhidden`: who missed the index. Of `observing`: what it waits for. */
  readonly reasons?: readonly string[];
}
