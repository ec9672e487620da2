// Measures beside the work how much it slows reads down.
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { mongo } from "mongoose";
import { quantile } from "../../core/server/latency.js";
import { leastAllowedShare, type PaceLimits, regardsReads, slowShare } from "./pace.js";

/** Milliseconds between two reads; one that takes longer counts for those that it kept from being asked. */
const readEveryMs = 5;
/** Milliseconds after work in which reads may still be slow because of it. Later reads give the idle latency. */
const afterEffectsMs = 1_000;
/** Milliseconds between two idle reads in a rest. */
const idleReadEveryMs = 25;
/** Reads before the first that counts, by which connections and code warm up. */
const readsToWarmUp = 50;
/** Idle reads before work begins: as many as there are in {@link learnForMs}, but within these bounds. */
const fewestReads = 200;
const enoughReads = 1_000;
const learnForMs = 2_000;
/** Milliseconds after which the idle latency is measured again, and after which reads are too old to count for it. */
const learnEveryMs = 30_000;
const rememberMs = 60_000;
const mostRemembered = 4_000;
/** Milliseconds above the idle latency that never count as slow: nobody notices half a millisecond. */
const unnoticedMs = 0.5;

/** Figures of reads since the last look. */
export interface Seen {
  /** Milliseconds for which reads were watched, rests included. */
  readonly watchedMs: number;
  /** Milliseconds for which the work slowed reads down: less those that the idle server would have; negative if fewer. */
  readonly slowedMs: number;
  /** Longest read beside the work, milliseconds. */
  readonly longestMs: number;
  /** Part of the time in which the work may slow reads down, 0 to {@link slowShare}. */
  readonly allowedShare: number;
}

/**
 * Measures from reads beside the work for how long the work slows reads down. A read is slow if it takes longer than the
 * allowed multiple of the idle p99. So that the p99 keeps below that, idle and slowed reads that are slow may come to one
 * in a hundred; work may take half of what the idle ones leave of it. Pure.
 */
export class SlowdownJudge {
  readonly #maxSlowdown: number;
  #slowFromMs = Number.POSITIVE_INFINITY;
  /** Part of the idle reads that were slow, less what may be chance. */
  #slowWhenIdle = 0;
  #allowedShare = slowShare;
  #slowedMs = 0;
  #longestMs = 0;

  constructor(maxSlowdown: number) {
    this.#maxSlowdown = maxSlowdown;
  }

  /** Learns the idle latency from reads that were made while the job did not work. */
  learn(reads: readonly number[]): void {
    const usual = quantile(reads, 0.99) ?? 0;
    this.#slowFromMs = Math.max(usual * this.#maxSlowdown, usual + unnoticedMs);
    const slow = reads.filter((ms) => ms > this.#slowFromMs).length;
    this.#allowedShare = Math.max(slowShare - slow / reads.length / 2, leastAllowedShare);
    // At least so many are to be expected: a chance slow read or two would excuse as many of the work's.
    this.#slowWhenIdle = (slow - Math.sqrt(slow)) / reads.length;
  }

  /** A read while it works, or right after. */
  note(ms: number): void {
    if (ms > this.#slowFromMs) this.#slowedMs += Math.max(ms, readEveryMs);
    this.#longestMs = Math.max(this.#longestMs, ms);
  }

  /**
   * Result of the reads since the last call.
   *
   * @param judgedMs milliseconds in which reads were noted
   */
  take(judgedMs: number): Omit<Seen, "watchedMs"> {
    const seen = {
      // On a busy server some idle reads are slow as well: the work does not cause that share.
      slowedMs: this.#slowedMs - this.#slowWhenIdle * judgedMs,
      longestMs: this.#longestMs,
      allowedShare: this.#allowedShare,
    };
    this.#slowedMs = 0;
    this.#longestMs = 0;
    return seen;
  }
}

/** A wait of the watch: work or rest. */
interface Watched {
  readonly began: number;
  /** Reads that are asked before this moment are the work's; later ones are idle. */
  readonly judgedUntil: number;
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
  #workedAt = Number.NEGATIVE_INFINITY;
  /** Latest idle reads, in their order. */
  #idle: { readonly at: number; readonly ms: number }[] = [];
  #watching: Watched | undefined;
  #watchedMs = 0;
  #judgedMs = 0;
  #reads = 0;

  constructor(collections: readonly mongo.Collection[], limits: Pick<PaceLimits, "maxSlowdown">) {
    this.#collections = collections;
    this.#judge = regardsReads(limits) ? new SlowdownJudge(limits.maxSlowdown) : undefined;
  }

  /** Runs a batch while it watches reads. */
  async beside<T>(work: () => Promise<T>): Promise<T> {
    // A server in trouble is the work's to report.
    if (this.#judge) await this.#learnIfDue(this.#judge).catch(() => undefined);
    try {
      return await this.#watch(work, Number.POSITIVE_INFINITY);
    } finally {
      this.#workedAt = performance.now();
    }
  }

  /** Waits through a pause. The server's work after a batch slows reads down as well, for a moment. */
  duringPause(rest: () => Promise<void>): Promise<void> {
    return this.#watch(rest, this.#workedAt + afterEffectsMs);
  }

  /** Figures since the last call, with nothing slowed if the limits ignore read latency. */
  take(): Seen {
    this.#account();
    const { slowedMs = 0, longestMs = 0, allowedShare = slowShare } = this.#judge?.take(this.#judgedMs) ?? {};
    const seen = { watchedMs: this.#watchedMs, slowedMs, longestMs, allowedShare };
    this.#watchedMs = 0;
    this.#judgedMs = 0;
    return seen;
  }

  async #watch<T>(act: () => Promise<T>, judgedUntil: number): Promise<T> {
    const judge = this.#judge;
    if (!judge) return act();
    const ended = new AbortController();
    this.#watching = { began: performance.now(), judgedUntil };
    const reading = this.#readOn(judge, judgedUntil, ended.signal).catch(() => undefined);
    try {
      return await act();
    } finally {
      this.#account();
      this.#watching = undefined;
      ended.abort();
      await reading;
    }
  }

  /** Counts the time since the watch began, or since this was last called. */
  #account(): void {
    if (!this.#watching) return;
    const { began, judgedUntil } = this.#watching;
    const now = performance.now();
    this.#watchedMs += now - began;
    this.#judgedMs += Math.max(Math.min(now, judgedUntil) - began, 0);
    this.#watching = { began: now, judgedUntil };
  }

  async #learnIfDue(judge: SlowdownJudge): Promise<void> {
    const began = performance.now();
    const isFirst = this.#learntAt === undefined;
    if (!isFirst && began - (this.#learntAt as number) < learnEveryMs) return;
    this.#idle = this.#idle.filter(({ at }) => began - at < rememberMs);
    // Reads in the rests between batches count as idle too, and need no extra time.
    if (this.#idle.length < fewestReads) {
      await sleep(Math.max(this.#workedAt + afterEffectsMs - began, 0));
      if (isFirst) for (let read = 0; read < readsToWarmUp; read++) await this.#waitOfOne();
      const until = performance.now() + learnForMs;
      while (this.#idle.length < (performance.now() < until ? enoughReads : fewestReads))
        this.#remember(await this.#waitOfOne());
    }
    judge.learn(this.#idle.map(({ ms }) => ms));
    this.#learntAt = performance.now();
  }

  #remember(ms: number): void {
    this.#idle.push({ at: performance.now(), ms });
    if (this.#idle.length > mostRemembered) this.#idle.shift();
  }

  async #readOn(judge: SlowdownJudge, judgedUntil: number, signal: AbortSignal): Promise<void> {
    // The first at any moment of the first few milliseconds, or short work would always be met at the same point.
    let pauseMs = Math.random() * readEveryMs;
    for (;;) {
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      const judged = performance.now() < judgedUntil;
      const ms = await this.#waitOfOne();
      if (judged) judge.note(ms);
      else this.#remember(ms);
      pauseMs = judged ? readEveryMs : idleReadEveryMs;
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
