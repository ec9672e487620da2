import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { mongo } from "mongoose";
import { summarise } from "../core/server/latency.js";
import { type PaceLimits, regardsReads } from "./pace.js";

/** Milliseconds between two reads; one that takes longer counts for those that it kept from being asked. */
const readEveryMs = 5;
/** For so long what was done may still slow reads down; from then on they say what one takes at rest. */
const afterEffectsMs = 1_000;
/** Milliseconds between two reads after that. */
const readAtRestEveryMs = 25;
/** Reads that say what one takes at rest. */
const readsAtRest = 200;
/** The latest of so many reads at rest count. */
const remembered = 2 * readsAtRest;
/** Reads before the first of them, by which connections and code warm up. */
const readsToWarmUp = 200;
/** What reads take at rest is learnt anew after so long: the load of a day changes. */
const learnEveryMs = 10_000;
/** What a read may take beyond the usual in any case: nobody notices half a millisecond. */
const unnoticedMs = 0.5;

/** For how long reads were watched, and slowed down, since that was last asked. */
export interface Seen {
  readonly watchedMs: number;
  readonly slowedMs: number;
  /** Part of the reads that were slow at rest, 0 to 1. */
  readonly slowAtRest: number;
}

/**
 * Judges by reads beside the work for how long it slows them down: those that take longer than the allowed multiple of
 * what all but the slowest few take at rest. Pure.
 */
export class SlowdownJudge {
  readonly #maxSlowdown: number;
  #longestMs = Number.POSITIVE_INFINITY;
  /** Part of the reads at rest that were slow all the same. */
  #slowAtRest = 0;
  #slowedMs = 0;

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

  /** Part of the reads at rest that were slow all the same, 0 to 1. */
  get slowAtRest(): number {
    return this.#slowAtRest;
  }

  /** A read while it works, or right after. */
  note(ms: number): void {
    if (ms > this.#longestMs) this.#slowedMs += Math.max(ms, readEveryMs);
  }

  /** Milliseconds that reads were slowed down for since this was last asked, of so many, less what they are at rest. */
  take(watchedMs: number): number {
    // On a server that others keep busy, reads are slow at rest as well: that is not the work's doing.
    const own = this.#slowedMs - this.#slowAtRest * watchedMs;
    this.#slowedMs = 0;
    return own;
  }
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
  /** What the latest reads at rest took. */
  readonly #atRest: number[] = [];
  #watchedMs = 0;
  #reads = 0;

  constructor(collections: readonly mongo.Collection[], limits: Pick<PaceLimits, "maxSlowdown">) {
    this.#collections = collections;
    this.#judge = regardsReads(limits) ? new SlowdownJudge(limits.maxSlowdown) : undefined;
  }

  /** Does a batch and what belongs to it. */
  async beside<T>(work: () => Promise<T>): Promise<T> {
    // A server in trouble is the work's to report.
    if (this.#judge) await this.#learnIfDue(this.#judge).catch(() => undefined);
    return this.#watching(work, (judge) => judge);
  }

  /** Does a rest: what the work leaves the server to do slows reads down as well, for a moment. */
  atRest(rest: () => Promise<void>): Promise<void> {
    const until = performance.now() + afterEffectsMs;
    return this.#watching(rest, (judge) => (performance.now() < until ? judge : undefined));
  }

  /** What was seen since this was last asked; zeros where reads are not regarded. */
  take(): Seen {
    const watchedMs = this.#watchedMs;
    this.#watchedMs = 0;
    return {
      watchedMs,
      slowedMs: this.#judge?.take(watchedMs) ?? 0,
      slowAtRest: this.#judge?.slowAtRest ?? 0,
    };
  }

  /** @param judgeNow nothing from when on reads are at rest */
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
    // What rests between batches have shown is as good, and costs nothing.
    while (this.#atRest.length < readsAtRest) this.#remember(await this.#waitOfOne());
    judge.learn(this.#atRest);
    this.#atRest.length = 0;
    this.#learntAt = performance.now();
  }

  #remember(ms: number): void {
    this.#atRest.push(ms);
    if (this.#atRest.length > remembered) this.#atRest.shift();
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
      pauseMs = judge ? readEveryMs : readAtRestEveryMs;
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
