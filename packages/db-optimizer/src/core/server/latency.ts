// Latencies of reads, measured and summarised.
import { setTimeout as sleep } from "node:timers/promises";
import type { Connection } from "mongoose";
import { findCommand, type NamedQuery } from "../named-query.js";
import { databaseOf } from "./database.js";
import { timedRead } from "./timed-read.js";

/** Milliseconds at the median and the 95th percentile; `null` where nothing was measured. */
export interface Latency {
  readonly p50: number | null;
  readonly p95: number | null;
  /** Times that were taken. */
  readonly samples: number;
}

/** Latency of the given queries as an application sees it, round trip included. */
export class LatencyProbe {
  readonly #connection: Connection;
  readonly #queries: readonly NamedQuery[];
  #next = 0;

  constructor(connection: Connection, queries: readonly NamedQuery[]) {
    this.#connection = connection;
    this.#queries = queries;
  }

  /** Runs each query `rounds` times. */
  async measure(rounds: number): Promise<Latency> {
    const times: number[] = [];
    for (let run = 0; run < rounds * this.#queries.length; run++) times.push(await this.#time());
    return summarise(times);
  }

  /** Does something, and measures one query every `intervalMs` for as long as it takes. */
  async during<T>(intervalMs: number, act: () => Promise<T>): Promise<{ result: T; latency: Latency }> {
    const times: number[] = [];
    const over = new AbortController();
    const sampling = this.#sample(times, intervalMs, over.signal);
    try {
      const result = await act();
      return { result, latency: summarise(times) };
    } finally {
      over.abort();
      await sampling;
    }
  }

  async #sample(times: number[], intervalMs: number, signal: AbortSignal): Promise<void> {
    while (!signal.aborted && this.#queries.length > 0) {
      try {
        times.push(await this.#time());
        await sleep(intervalMs, undefined, { signal });
      } catch {
        // Told to stop, or the server is in trouble, which what is being measured reports better.
        return;
      }
    }
  }

  #time(): Promise<number> {
    const query = this.#queries[this.#next++ % this.#queries.length] as NamedQuery;
    return timedRead(databaseOf(this.#connection), findCommand(query));
  }
}

/** Median and 95th percentile of milliseconds. */
export function summarise(times: readonly number[]): Latency {
  return { p50: quantile(times, 0.5), p95: quantile(times, 0.95), samples: times.length };
}

/** The time that this part of the times, 0 to 1, does not pass; `null` of none. */
export function quantile(times: readonly number[], part: number): number | null {
  const sorted = [...times].sort((a, b) => a - b);
  return sorted[Math.min(Math.floor(sorted.length * part), sorted.length - 1)] ?? null;
}
