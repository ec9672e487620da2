// How far work is that handles one thing after another.

/** One of them, before or after it is handled. */
interface CountedProgress {
  /** What is handled: a collection, or the name of a query. */
  readonly subject: string;
  readonly done: number;
  readonly total: number;
}

/** Hears of each. */
export type OnCounted = (progress: CountedProgress) => void;
