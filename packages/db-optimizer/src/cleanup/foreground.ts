import { setTimeout as sleep } from "node:timers/promises";
import { mongo } from "mongoose";
import { type ControllerLimits, isWatched } from "./controller.js";

/** Milliseconds between two reads; one that takes longer counts for those that it kept from being asked. */
const readEveryMs = 5;
/** Reads that say what one takes at rest, in groups, as a bad moment spoils only one. */
const readsAtRest = { groups: 4, each: 50 } as const;
/** Reads before the first of them, by which connections and code warm up. */
const readsToWarmUp = 200;
/** What reads take at rest is learnt anew after so long: the load of a day changes. */
const learnEveryMs = 10_000;
/** What a read may take beyond the usual in any case: nobody notices half a millisecond. */
const unnoticedMs = 0.5;
/** Reads beside batches on which they are judged, and how many of them may be slow: more than that is not one in a hundred. */
const window = { reads: 200, slow: 2 } as const;

/**
 * Judges whether batches slow the reads beside them down: whether more than one in a hundred takes longer than the
 * allowed multiple of what the slowest few take at rest. Pure.
 */
export class SlowdownJudge {
  readonly #maxSlowdown: number;
  #longestMs = Number.POSITIVE_INFINITY;
  #reads = 0;
  #slow = 0;

  constructor(maxSlowdown: number) {
    this.#maxSlowdown = maxSlowdown;
  }

  /** The longest that a read took while no batch ran, in each of a few groups. */
  learn(longestAtRestMs: readonly number[]): void {
    // Of the calmest group: a pause of this process or of the machine is not what the server takes.
    const usual = Math.min(...longestAtRestMs);
    this.#longestMs = Math.max(usual * this.#maxSlowdown, usual + unnoticedMs);
  }

  /** A read beside a batch. */
  besideBatch(ms: number): void {
    if (this.#reads >= window.reads) this.#startWindow();
    const weight = Math.max(Math.ceil(ms / readEveryMs), 1);
    this.#reads += weight;
    if (ms > this.#longestMs) this.#slow += weight;
  }

  /** Whether reads are slowed down; having said so once, it judges anew. */
  verdict(): boolean {
    if (this.#slow <= window.slow) return false;
    this.#startWindow();
    return true;
  }

  #startWindow(): void {
    this.#reads = 0;
    this.#slow = 0;
  }
}

/** What a batch came to. */
export interface WatchedBatch<T> {
  readonly result: T;
  /** Milliseconds that it took. */
  readonly elapsedMs: number;
  /** Whether reads are slowed down by it and those before. */
  readonly slowed: boolean;
}

/**
 * Reads from a collection beside batches, as the application does: by `_id`, a document that does not exist. So a
 * cleanup sees what it does to others, on a server that lets them wait for a batch as on one that does not.
 */
export class ForegroundWatch {
  readonly #collection: mongo.Collection;
  /** None where the limits ask for no regard. */
  readonly #judge: SlowdownJudge | undefined;
  #learntAt: number | undefined;

  constructor(collection: mongo.Collection, limits: ControllerLimits) {
    this.#collection = collection;
    this.#judge = isWatched(limits) ? new SlowdownJudge(limits.maxSlowdown) : undefined;
  }

  /** Does a batch. */
  async beside<T>(batch: () => Promise<T>): Promise<WatchedBatch<T>> {
    const judge = this.#judge;
    // A server in trouble is the batch's to report.
    if (judge) await this.#learnIfDue(judge).catch(() => undefined);
    const started = performance.now();
    const ended = new AbortController();
    const reading = judge && this.#readOn(judge, ended.signal).catch(() => undefined);
    try {
      const result = await batch();
      const elapsedMs = performance.now() - started;
      ended.abort();
      await reading;
      return { result, elapsedMs, slowed: judge?.verdict() ?? false };
    } finally {
      ended.abort();
    }
  }

  async #learnIfDue(judge: SlowdownJudge): Promise<void> {
    const now = performance.now();
    if (this.#learntAt !== undefined && now - this.#learntAt < learnEveryMs) return;
    if (this.#learntAt === undefined) await this.#longestOf(readsToWarmUp);
    const longest: number[] = [];
    for (let group = 0; group < readsAtRest.groups; group++)
      longest.push(await this.#longestOf(readsAtRest.each));
    judge.learn(longest);
    this.#learntAt = performance.now();
  }

  async #readOn(judge: SlowdownJudge, signal: AbortSignal): Promise<void> {
    // Not before the batch is on its way: what this process needs to send it is no wait for the server.
    for (let pauseMs = 1; ; pauseMs = readEveryMs) {
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      judge.besideBatch(await this.#longestOf(1));
    }
  }

  /** Milliseconds of the slowest of so many reads, one after the other. */
  async #longestOf(reads: number): Promise<number> {
    let longest = 0;
    for (let read = 0; read < reads; read++) {
      const started = performance.now();
      await readOne(this.#collection);
      longest = Math.max(longest, performance.now() - started);
    }
    return longest;
  }
}

async function readOne(collection: mongo.Collection): Promise<void> {
  await collection.findOne({ _id: new mongo.ObjectId() }, { projection: { _id: 1 } });
}
