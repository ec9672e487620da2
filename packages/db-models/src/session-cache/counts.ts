/**
 * Why a check was answered by a read: it is not in memory, memory is not trusted at the moment, or it is no longer good, which
 * memory alone never decides.
 */
export type MissCause = "absent" | "lapsed" | "over";

/** Counters since the start. */
export interface CacheCounts {
  /** Checks answered from memory. */
  hits: number;
  /** Checks answered by a read that another check had begun. */
  joined: number;
  /** Checks answered by a read of their own, by cause. */
  readonly misses: Record<MissCause, number>;
  /** Reads whose result was not kept, as something about it changed while they were under way. */
  raced: number;
  /** Uses of a session that were not written: somebody had changed it. */
  untouched: number;
  /** Changes that the stream delivered. */
  events: number;
  /** Heartbeats that came back, the milliseconds that they took in all, and the longest of them. */
  echoes: number;
  echoMs: number;
  longestEchoMs: number;
  /** Times that memory was emptied because the stream could not be followed without a gap. */
  epochs: number;
  /** Times that memory stopped being trusted by heartbeats, and for how many milliseconds in all. */
  lapses: number;
  lapsedMs: number;
}

export function newCounts(): CacheCounts {
  return {
    hits: 0,
    joined: 0,
    misses: { absent: 0, lapsed: 0, over: 0 },
    raced: 0,
    untouched: 0,
    events: 0,
    echoes: 0,
    echoMs: 0,
    longestEchoMs: 0,
    epochs: 0,
    lapses: 0,
    lapsedMs: 0,
  };
}
