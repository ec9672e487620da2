import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { mongo } from "mongoose";
import { type ControllerLimits, isWatched } from "./controller.js";

/** Milliseconds between two reads; one that takes longer counts for those that it kept from being asked. */
const readEveryMs = 5;
/** Reads before the first batch. */
const readsBefore = 50;
/** Reads at rest that are remembered. */
const remembered = 400;
/** Milliseconds after a batch in which it goes on reading: how long reads take at rest changes over hours. */
const readsOnMs = 500;
/** What a read may take beyond the usual in any case: nobody notices a millisecond. */
const unnoticedMs = 1;
/** Reads beside batches on which they are judged, and how many of them may be slow: more than that is not one in a hundred. */
const window = { reads: 200, slow: 2 } as const;

/**
 * Judges whether batches slow the reads beside them down: whether more than one in a hundred takes longer than the
 * allowed multiple of what the slowest of a hundred takes at rest. Pure.
 */
export class SlowdownJudge {
  readonly #maxSlowdown: number;
  readonly #atRest: number[] = [];
  #reads = 0;
  #slow = 0;

  constructor(maxSlowdown: number) {
    this.#maxSlowdown = maxSlowdown;
  }

  get readsAtRest(): number {
    return this.#atRest.length;
  }

  /** A read while no batch ran. */
  atRest(ms: number): void {
    this.#atRest.push(ms);
    if (this.#atRest.length > remembered) this.#atRest.shift();
  }

  /** A read beside a batch. */
  besideBatch(ms: number): void {
    if (this.#reads >= window.reads) this.#startWindow();
    const weight = Math.max(Math.ceil(ms / readEveryMs), 1);
    this.#reads += weight;
    if (ms > this.#longestAllowed()) this.#slow += weight;
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

  #longestAllowed(): number {
    const sorted = [...this.#atRest].sort((a, b) => a - b);
    const usual = sorted[Math.min(Math.floor(sorted.length * 0.99), sorted.length - 1)];
    if (usual === undefined) return Number.POSITIVE_INFINITY;
    return Math.max(usual * this.#maxSlowdown, usual + unnoticedMs);
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
  readonly #ended = new AbortController();
  #reading: Promise<void> | undefined;
  #isBatchRunning = false;
  #batchEndedAt = 0;
  /** The read under way, and whether a batch ran at any time in it. */
  #current: { done: Promise<void>; besideBatch: boolean } | undefined;

  constructor(collection: mongo.Collection, limits: ControllerLimits) {
    this.#collection = collection;
    this.#judge = isWatched(limits) ? new SlowdownJudge(limits.maxSlowdown) : undefined;
  }

  /** Does a batch. */
  async beside<T>(batch: () => Promise<T>): Promise<WatchedBatch<T>> {
    const judge = this.#judge;
    if (judge) await this.#learn(judge);
    const started = performance.now();
    this.#isBatchRunning = true;
    if (this.#current) this.#current.besideBatch = true;
    if (judge) this.#startReading(judge);
    try {
      const result = await batch();
      const elapsedMs = performance.now() - started;
      await this.#current?.done;
      return { result, elapsedMs, slowed: judge?.verdict() ?? false };
    } finally {
      this.#isBatchRunning = false;
      this.#batchEndedAt = performance.now();
    }
  }

  /** What a read takes at rest, before the first batch. */
  async #learn(judge: SlowdownJudge): Promise<void> {
    while (judge.readsAtRest < readsBefore && !this.#ended.signal.aborted)
      await this.#read((ms) => judge.atRest(ms));
  }

  async close(): Promise<void> {
    this.#ended.abort();
    await this.#reading;
  }

  #startReading(judge: SlowdownJudge): void {
    this.#reading ??= this.#readOn(judge).finally(() => {
      this.#reading = undefined;
    });
  }

  async #readOn(judge: SlowdownJudge): Promise<void> {
    const { signal } = this.#ended;
    const isAwake = () => this.#isBatchRunning || performance.now() - this.#batchEndedAt < readsOnMs;
    while (!signal.aborted && isAwake()) {
      const current = { done: Promise.resolve(), besideBatch: this.#isBatchRunning };
      current.done = this.#read((ms) => (current.besideBatch ? judge.besideBatch(ms) : judge.atRest(ms)));
      this.#current = current;
      await current.done;
      this.#current = undefined;
      await sleep(readEveryMs, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }

  async #read(note: (ms: number) => void): Promise<void> {
    const { eventLoopUtilization } = performance;
    const before = eventLoopUtilization();
    // A server in trouble is the batch's to report.
    await readOne(this.#collection).catch(() => undefined);
    // What this process was busy with itself meanwhile is no wait for the server.
    note(eventLoopUtilization(before).idle);
  }
}

async function readOne(collection: mongo.Collection): Promise<void> {
  await collection.findOne({ _id: new mongo.ObjectId() }, { projection: { _id: 1 } });
}
