import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { mongo } from "mongoose";
import { summarise } from "../core/server/latency.js";
import { type ControllerLimits, isWatched } from "./controller.js";

/** Milliseconds between two reads; one that takes longer counts for those that it kept from being asked. */
const readEveryMs = 5;
/** Reads that say what one takes at rest. */
const readsAtRest = 200;
/** Reads before the first of them, by which connections and code warm up. */
const readsToWarmUp = 200;
/** What reads take at rest is learnt anew after so long: the load of a day changes. */
const learnEveryMs = 10_000;
/** What a read may take beyond the usual in any case: nobody notices half a millisecond. */
const unnoticedMs = 0.5;
/**
 * Part of the time in which reads may be slowed down: a quarter of one in a hundred, as not every read is seen, and what
 * an application does takes more than one.
 */
const slowShare = 0.0025;
/** How much of the past the slowed time of a batch remembers. */
const memory = 0.75;
/** Where a batch would have to be rested after for longer, it was too large. */
const longRestMs = 4_000;
/** The longest rest: however slow the reads, the work goes on. */
const longestRestMs = 10_000;

/**
 * Judges by reads beside the work whether it slows reads down: which take longer than the allowed multiple of what all but
 * the slowest few take at rest, how long that goes on, and how long to rest so that it is no more than one read in a
 * hundred.
 * Pure.
 */
export class SlowdownJudge {
  readonly #maxSlowdown: number;
  #longestMs = Number.POSITIVE_INFINITY;
  /** Part of the reads at rest that were slow all the same. */
  #slowAtRest = 0;
  #slowedMs = 0;
  #tooMuch = false;
  #weightedMs = 0;
  #weightedRounds = 0;

  constructor(maxSlowdown: number) {
    this.#maxSlowdown = maxSlowdown;
  }

  /** What reads took while nothing was done. */
  learn(reads: readonly number[]): void {
    // The slowest few waited for this process or its machine, not for the server.
    const usual = summarise(reads).p95 ?? 0;
    this.#longestMs = Math.max(usual * this.#maxSlowdown, usual + unnoticedMs);
    this.#slowAtRest = reads.filter((ms) => ms > this.#longestMs).length / reads.length;
  }

  /** A read beside the work. */
  besideWork(ms: number): void {
    if (ms > this.#longestMs) this.#slowedMs += Math.max(ms, readEveryMs);
  }

  /** Whether the rounds since this was last asked were too large: a long rest was too short for them. */
  takeTooMuch(): boolean {
    const tooMuch = this.#tooMuch;
    this.#tooMuch = false;
    return tooMuch;
  }

  /** Ends a round of so many milliseconds. Returns how many to rest after it. */
  endRound(workedMs: number): number {
    // On a server that others keep busy, reads are slow at rest as well: that is not the work's doing.
    const ownMs = Math.max(this.#slowedMs - this.#slowAtRest * workedMs, 0);
    this.#weightedMs = memory * this.#weightedMs + ownMs;
    this.#weightedRounds = memory * this.#weightedRounds + 1;
    this.#slowedMs = 0;
    const slowedMs = this.#weightedMs / this.#weightedRounds;
    // Not for what came of an earlier round only, which may have been larger, nor for one bad moment.
    this.#tooMuch ||= Math.min(slowedMs, ownMs) > longRestMs * slowShare;
    return Math.min(Math.max(slowedMs / slowShare - workedMs, 0), longestRestMs);
  }
}

/** Work that reads were watched beside. */
export interface WatchedWork<T> {
  readonly result: T;
  /** Milliseconds to rest after it for the sake of reads. */
  readonly restMs: number;
}

/**
 * Reads from the collections that are worked on, one after the other, as the application does: by `_id`, a document that
 * does not exist. So the work sees what it does to others, on a server that lets them wait for its writes as on one that
 * does not.
 */
export class ForegroundWatch {
  readonly #collections: readonly mongo.Collection[];
  /** None where the limits ask for no regard. */
  readonly #judge: SlowdownJudge | undefined;
  #learntAt: number | undefined;
  #reads = 0;

  constructor(collections: readonly mongo.Collection[], limits: ControllerLimits) {
    this.#collections = collections;
    this.#judge = isWatched(limits) ? new SlowdownJudge(limits.maxSlowdown) : undefined;
  }

  /** Whether the work since this was last asked was too much at a time for the reads beside it. */
  takeTooMuch(): boolean {
    return this.#judge?.takeTooMuch() ?? false;
  }

  /** Does a batch and what belongs to it. */
  async beside<T>(work: () => Promise<T>): Promise<WatchedWork<T>> {
    const judge = this.#judge;
    if (!judge) return { result: await work(), restMs: 0 };
    // A server in trouble is the work's to report.
    await this.#learnIfDue(judge).catch(() => undefined);
    const started = performance.now();
    const ended = new AbortController();
    const reading = this.#readOn(judge, ended.signal).catch(() => undefined);
    try {
      const result = await work();
      const workedMs = performance.now() - started;
      ended.abort();
      await reading;
      return { result, restMs: judge.endRound(workedMs) };
    } finally {
      ended.abort();
    }
  }

  async #learnIfDue(judge: SlowdownJudge): Promise<void> {
    const now = performance.now();
    if (this.#learntAt !== undefined && now - this.#learntAt < learnEveryMs) return;
    if (this.#learntAt === undefined) await this.#waitsOf(readsToWarmUp);
    judge.learn(await this.#waitsOf(readsAtRest));
    this.#learntAt = performance.now();
  }

  async #readOn(judge: SlowdownJudge, signal: AbortSignal): Promise<void> {
    // The first at any moment of the first few milliseconds, or short work would always be met at the same point.
    for (let pauseMs = Math.random() * readEveryMs; ; pauseMs = readEveryMs) {
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      judge.besideWork(await this.#waitOfOne());
    }
  }

  /** So many reads, one after the other. */
  async #waitsOf(reads: number): Promise<number[]> {
    const waits: number[] = [];
    while (waits.length < reads) waits.push(await this.#waitOfOne());
    return waits;
  }

  /** Milliseconds that this process had nothing to do but wait for a read: what it does itself is no fault of the server. */
  async #waitOfOne(): Promise<number> {
    const collection = this.#collections[this.#reads++ % this.#collections.length];
    const before = performance.eventLoopUtilization();
    await collection?.findOne({ _id: new mongo.ObjectId() }, { projection: { _id: 1 } });
    return performance.eventLoopUtilization(before).idle;
  }
}
