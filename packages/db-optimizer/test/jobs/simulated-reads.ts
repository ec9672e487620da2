// A server whose reads are stalled at random, read by read: what the watch sees of it, and what an application would.
import { quantile } from "../../src/core/server/latency.js";
import { SlowdownJudge } from "../../src/jobs/pacing/foreground.js";
import { afterBatch, defaultPace, startPace } from "../../src/jobs/pacing/pace.js";

/** Part of the time in which reads are stalled, 0 to 1, and for how many milliseconds at a time on average. */
export interface Stalls {
  readonly part: number;
  readonly ms: number;
}

/** A server as {@link readsOfRun} meets it. */
export interface StallingServer {
  readonly perSecond: number;
  readonly overheadMs: number;
  /** While it works. */
  readonly stalls: Stalls;
  /** Milliseconds at the end of each batch for which reads are stalled, however small it is. Default 0. */
  readonly commitMs?: number;
  /** Whether reads wait for the whole of a batch. */
  readonly blocksReads?: true;
  /** While it rests. Default three in a thousand, of 4 ms. */
  readonly idleStalls?: Stalls;
}

/** What an application and the job have of a run, in its second half. */
export interface ReadsOfRun {
  /** p99 of the application's reads beside the work, over that when idle. */
  readonly slowdown: number;
  /** Documents a second. */
  readonly rate: number;
}

const usualStalls: Stalls = { part: 0.003, ms: 4 };
const stepMs = 0.5;
/** Reads of the application are asked at a fixed rate, whatever the ones before took. */
const applicationEveryMs = 2;
const watchEveryMs = 5;
const idleWatchEveryMs = 25;
const relearnMs = 30_000;
const afterEffectsMs = 1_000;

/** A run of so many seconds. */
export function readsOfRun(server: StallingServer, seconds: number, seed: number): ReadsOfRun {
  const clock = new StallingClock(seed);
  clock.pass(10_000, server.idleStalls ?? usualStalls);
  const idle = clock.takeReads();
  const judge = new SlowdownJudge(defaultPace.maxSlowdown);
  let [state, learntAt] = [startPace(defaultPace), Number.NEGATIVE_INFINITY];
  let [restMs, documents] = [0, 0];
  const learnt: number[] = [];
  const idleRead = (ms: number) => void learnt.push(ms);
  const half = clock.now + seconds * 500;
  const end = half + seconds * 500;
  while (clock.now < end) {
    if (clock.now < half) {
      clock.takeReads();
      documents = 0;
    }
    if (clock.now - learntAt >= relearnMs) {
      if (learnt.length < 200) clock.pass(10_000, server.idleStalls ?? usualStalls, idleRead, 10);
      judge.learn(learnt.splice(0));
      learntAt = clock.now;
    }
    const note = (ms: number) => judge.note(ms);
    const elapsedMs = server.overheadMs + (state.batchSize / server.perSecond) * 1_000;
    if (server.blocksReads) clock.stall(elapsedMs);
    clock.pass(elapsedMs, server.stalls, note);
    clock.stall(server.commitMs ?? 0);
    const judgedMs = Math.min(restMs, afterEffectsMs) + elapsedMs;
    const seen = { watchedMs: restMs + elapsedMs, ...judge.take(judgedMs) };
    documents += state.batchSize;
    ({ state, restMs } = afterBatch(state, { documents: state.batchSize, elapsedMs, ...seen }, defaultPace));
    clock.pass(Math.min(restMs, afterEffectsMs), server.idleStalls ?? usualStalls, note);
    const left = Math.max(restMs - afterEffectsMs, 0);
    clock.pass(left, server.idleStalls ?? usualStalls, idleRead, idleWatchEveryMs);
  }
  return { slowdown: p99(clock.takeReads()) / p99(idle), rate: documents / ((end - half) / 1_000) };
}

class StallingClock {
  now = 0;
  #stalledUntil = 0;
  #reads: number[] = [];
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = randomOf(seed);
  }

  /** Reads that are asked from now on wait for so long. */
  stall(ms: number): void {
    this.#stalledUntil = Math.max(this.#stalledUntil, this.now + ms);
  }

  /** Time passes while the application reads, and the job's watch if there is one. */
  pass(ms: number, { part, ms: stallMs }: Stalls, seen?: (ms: number) => void, everyMs = watchEveryMs): void {
    const end = this.now + ms;
    let nextWatch = this.now + this.#random() * everyMs;
    let nextRead = this.now;
    for (; this.now < end; this.now += stepMs) {
      const begins = (part / (1 - part) / stallMs) * stepMs;
      if (this.now >= this.#stalledUntil && this.#random() < begins)
        this.#stalledUntil = this.now + stallMs * (0.3 + 1.4 * this.#random());
      if (this.now >= nextRead) {
        this.#reads.push(this.read());
        nextRead += applicationEveryMs;
      }
      if (seen && this.now >= nextWatch) {
        const took = this.read();
        seen(took);
        nextWatch = this.now + took + everyMs;
      }
    }
  }

  /** Milliseconds that a read takes which is asked now: what is left of a stall, and its own time. */
  read(): number {
    const normal = Math.sqrt(-2 * Math.log(1 - this.#random())) * Math.cos(2 * Math.PI * this.#random());
    return Math.max(0, this.#stalledUntil - this.now) + 0.15 * Math.exp(0.6 * normal);
  }

  takeReads(): number[] {
    return this.#reads.splice(0);
  }
}

function p99(reads: readonly number[]): number {
  return quantile(reads, 0.99) ?? Number.NaN;
}

/** A linear congruential generator, by Numerical Recipes' constants: the same numbers in each run. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
