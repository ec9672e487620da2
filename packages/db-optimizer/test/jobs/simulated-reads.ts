// A server whose reads are stalled at random, read by read: what the watch sees of it, and what an application would.
import { SlowdownJudge } from "../../src/jobs/pacing/foreground.js";
import { afterBatch, defaultPace, startPace } from "../../src/jobs/pacing/pace.js";

/** Part of the time in which reads are stalled, 0 to 1, and for how many milliseconds at a time on average. */
export interface Stalls {
  readonly part: number;
  readonly ms: number;
}

interface StallingServer {
  readonly perSecond: number;
  readonly overheadMs: number;
  /** While it works. */
  readonly stalls: Stalls;
}

const idleStalls: Stalls = { part: 0.003, ms: 4 };
const stepMs = 0.5;
/** Reads of the application are asked at a fixed rate, whatever the ones before took. */
const applicationEveryMs = 2;
const watchEveryMs = 5;
const relearnMs = 10_000;

/** p99 of the application's reads beside the work, over that when idle, in the second half of a run of so many seconds. */
export function slowdownOfReads(server: StallingServer, seconds: number, seed: number): number {
  const clock = new StallingClock(seed);
  clock.pass(10_000, idleStalls);
  const idle = clock.takeReads();
  const judge = new SlowdownJudge(defaultPace.maxSlowdown);
  let [state, learntAt] = [startPace(defaultPace), Number.NEGATIVE_INFINITY];
  let restMs = 0;
  const learnt: number[] = [];
  const half = clock.now + seconds * 500;
  const end = half + seconds * 500;
  while (clock.now < end) {
    if (clock.now < half) clock.takeReads();
    if (clock.now - learntAt >= relearnMs) {
      for (let read = 0; read < 200; read++) {
        const ms = clock.read();
        learnt.push(ms);
        clock.pass(ms, idleStalls);
      }
      judge.learn(learnt.slice(-1_000));
      learntAt = clock.now;
    }
    const elapsedMs = server.overheadMs + (state.batchSize / server.perSecond) * 1_000;
    clock.pass(elapsedMs, server.stalls, judge);
    const watchedMs = restMs + elapsedMs;
    const seen = { watchedMs, slowedMs: judge.take(watchedMs), slowWhenIdle: judge.slowWhenIdle };
    ({ state, restMs } = afterBatch(state, { documents: state.batchSize, elapsedMs, ...seen }, defaultPace));
    clock.pass(restMs, idleStalls, judge);
  }
  return p99(clock.takeReads()) / p99(idle);
}

class StallingClock {
  now = 0;
  #stalledUntil = 0;
  #reads: number[] = [];
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = randomOf(seed);
  }

  /** Time passes while the application reads, and the judge's watch if there is one. */
  pass(ms: number, { part, ms: stallMs }: Stalls, judge?: SlowdownJudge): void {
    const end = this.now + ms;
    let nextWatch = this.now + this.#random() * watchEveryMs;
    let nextRead = this.now;
    for (; this.now < end; this.now += stepMs) {
      const begins = (part / (1 - part) / stallMs) * stepMs;
      if (this.now >= this.#stalledUntil && this.#random() < begins)
        this.#stalledUntil = this.now + stallMs * (0.3 + 1.4 * this.#random());
      if (this.now >= nextRead) {
        this.#reads.push(this.read());
        nextRead += applicationEveryMs;
      }
      if (judge && this.now >= nextWatch) {
        const took = this.read();
        judge.note(took);
        nextWatch = this.now + took + watchEveryMs;
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
  const sorted = [...reads].sort((a, b) => a - b);
  return sorted[Math.floor(0.99 * sorted.length)] ?? Number.NaN;
}

/** A linear congruential generator, by Numerical Recipes' constants: the same numbers in each run. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
