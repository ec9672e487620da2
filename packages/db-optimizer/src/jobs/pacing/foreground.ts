// Measures beside the work how much it slows reads down.
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { mongo } from "mongoose";
import { summarise } from "../../core/server/latency.js";
import { type PaceLimits, regardsReads } from "./pace.js";

/** Milliseconds between two reads; one that takes longer counts for those that it kept from being asked. */
const readEveryMs = 5;
/** Milliseconds after work in which reads may still be slow because of it. Later reads give the idle latency. */
const afterEffectsMs = 1_000;
/** Milliseconds between two idle reads. */
const idleReadEveryMs = 25;
/** New idle reads before the idle latency is determined. */
const idleReads = 200;
/** The latest idle reads, at most this many, determine it. */
const remembered = 1_000;
/** Reads before the first of them, by which connections and code warm up. */
const readsToWarmUp = 200;
/** Milliseconds after which the idle latency is measured again: the load of a day changes. */
const learnEveryMs = 10_000;
/** Milliseconds above the idle latency that never count as slow: nobody notices half a millisecond. */
const unnoticedMs = 0.5;

/** For how long reads were watched, and slowed down, since that was last asked. */
export interface Seen {
  readonly watchedMs: number;
  readonly slowedMs: number;
  /** Part of the idle reads that were slow, 0 to 1. */
  readonly slowWhenIdle: number;
}

/**
 * Measures from reads beside the work for how long the work slows reads down. A read is slow if it takes longer than the
 * allowed multiple of the idle latency (p95). Pure.
 */
export class SlowdownJudge {
  readonly #maxSlowdown: number;
  #longestMs = Number.POSITIVE_INFINITY;
  /** Part of the idle reads that were slow, less what may be chance. */
  #slowWhenIdle = 0;
  #slowedMs = 0;

  constructor(maxSlowdown: number) {
    this.#maxSlowdown = maxSlowdown;
  }

  /** Learns the idle latency from reads that were made while the job did not work. */
  learn(reads: readonly number[]): void {
    // The slowest few waited for this process or its machine, not for the server.
    const usual = summarise(reads).p95 ?? 0;
    this.#longestMs = Math.max(usual * this.#maxSlowdown, usual + unnoticedMs);
    const slow = reads.filter((ms) => ms > this.#longestMs).length;
    // At least so many are to be expected: a chance slow read or two would excuse as many of the work's.
    this.#slowWhenIdle = (slow - Math.sqrt(slow)) / reads.length;
  }

  /** Part of the idle reads that were slow, 0 to 1. */
  get slowWhenIdle(): number {
    return this.#slowWhenIdle;
  }

  /** A read while it works, or right after. */
  note(ms: number): void {
    if (ms > this.#longestMs) this.#slowedMs += Math.max(ms, readEveryMs);
  }

  /** Milliseconds for which reads were slow in the watched time, beyond the share that is slow while idle. Resets. */
  take(watchedMs: number): number {
    // On a busy server some idle reads are slow as well: the work does not cause that share.
    const own = this.#slowedMs - this.#slowWhenIdle * watchedMs;
    this.#slowedMs = 0;
    return own;
  }
}

/**
 * Reads from the collections of the job, one after the other, as the application does: by `_id`, a document that does not
 * exist. It measures the effect of the job on others, on servers where reads wait for writes and on those where they do
 * not.
 */
export class ForegroundWatch {
  readonly #collections: readonly mongo.Collection[];
  /** Absent if the limits ignore read latency. */
  readonly #judge: SlowdownJudge | undefined;
  #learntAt: number | undefined;
  /** Latencies of the latest idle reads. */
  readonly #idle: number[] = [];
  /** Idle reads since the idle latency was determined. */
  #newIdle = 0;
  #watchedMs = 0;
  #reads = 0;

  constructor(collections: readonly mongo.Collection[], limits: Pick<PaceLimits, "maxSlowdown">) {
    this.#collections = collections;
    this.#judge = regardsReads(limits) ? new SlowdownJudge(limits.maxSlowdown) : undefined;
  }

  /** Runs a batch while it watches reads. */
  async beside<T>(work: () => Promise<T>): Promise<T> {
    // A server in trouble is the work's to report.
    if (this.#judge) await this.#learnIfDue(this.#judge).catch(() => undefined);
    return this.#watching(work, (judge) => judge);
  }

  /** Waits through a pause. The server's work after a batch slows reads down as well, for a moment. */
  duringPause(rest: () => Promise<void>): Promise<void> {
    const until = performance.now() + afterEffectsMs;
    return this.#watching(rest, (judge) => (performance.now() < until ? judge : undefined));
  }

  /** Figures since the last call; zeros if the limits ignore read latency. */
  take(): Seen {
    const watchedMs = this.#watchedMs;
    this.#watchedMs = 0;
    return {
      watchedMs,
      slowedMs: this.#judge?.take(watchedMs) ?? 0,
      slowWhenIdle: this.#judge?.slowWhenIdle ?? 0,
    };
  }

  /** @param judgeNow returns nothing as soon as reads count as idle */
  async #watching<T>(
    act: () => Promise<T>,
    judgeNow: (judge: SlowdownJudge) => SlowdownJudge | undefined,
  ): Promise<T> {
    const judge = this.#judge;
    if (!judge) return act();
    const ended = new AbortController();
    const started = performance.now();
    const reading = this.#readOn(() => judgeNow(judge), ended.signal).catch(() => undefined);
    try {
      return await act();
    } finally {
      this.#watchedMs += performance.now() - started;
      ended.abort();
      await reading;
    }
  }

  async #learnIfDue(judge: SlowdownJudge): Promise<void> {
    const now = performance.now();
    if (this.#learntAt !== undefined && now - this.#learntAt < learnEveryMs) return;
    if (this.#learntAt === undefined)
      for (let read = 0; read < readsToWarmUp; read++) await this.#waitOfOne();
    // Reads in the pauses between batches count as idle too, and need no extra time.
    while (this.#newIdle < idleReads) this.#remember(await this.#waitOfOne());
    judge.learn(this.#idle);
    this.#newIdle = 0;
    this.#learntAt = performance.now();
  }

  #remember(ms: number): void {
    this.#idle.push(ms);
    this.#newIdle += 1;
    if (this.#idle.length > remembered) this.#idle.shift();
  }

  async #readOn(judgeNow: () => SlowdownJudge | undefined, signal: AbortSignal): Promise<void> {
    // The first at any moment of the first few milliseconds, or short work would always be met at the same point.
    let pauseMs = Math.random() * readEveryMs;
    for (;;) {
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      const judge = judgeNow();
      const ms = await this.#waitOfOne();
      if (judge) judge.note(ms);
      else this.#remember(ms);
      pauseMs = judge ? readEveryMs : idleReadEveryMs;
    }
  }

  /** Milliseconds that this process had nothing to do but wait for a read: what it does itself is no fault of the server. */
  async #waitOfOne(): Promise<number> {
    const collection = this.#collections[this.#reads++ % this.#collections.length];
    const before = performance.eventLoopUtilization();
    await collection?.findOne({ _id: new mongo.ObjectId() }, { projection: { _id: 1 } });
    return performance.eventLoopUtilization(before).idle;
  }
}
