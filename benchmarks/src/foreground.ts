import { once } from "node:events";
import { setTimeout } from "node:timers/promises";
import { quantile, type Range, rangeOf } from "./measure.js";
import { startScript } from "./script.js";

export interface ForegroundBenchmark {
  /** 99th percentile of a call while a process works in the background, over that when idle. */
  ratio: Range;
  idleMs: number;
  duringMs: number;
}

/** What is measured against what. */
export interface Foreground {
  /** Before each round. */
  prepare(): Promise<void>;
  call(index: number): Promise<unknown>;
  /** What works in the background; it prints a line with each batch. */
  readonly script: URL;
  readonly uri: string;
  /** After each round. */
  tidy(): Promise<void>;
}

const windowMs = 5_000;
const betweenCallsMs = 2;

/** The latency of a foreground while nothing else goes on, and while a process works: in rounds, side by side. */
export async function benchmarkForeground(given: Foreground, rounds = 5): Promise<ForegroundBenchmark> {
  const times = { idle: [] as number[], during: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    await given.prepare();
    const idle = await callFor(given);
    const worker = await startWorker(given.script, given.uri);
    const during = await callFor(given, worker.ended);
    await worker.stop();
    await given.tidy();
    times.idle.push(quantile(idle, 0.99));
    times.during.push(quantile(during, 0.99));
  }
  return {
    ratio: rangeOf(times.during.map((during, round) => during / (times.idle[round] as number))),
    idleMs: quantile(times.idle, 0.5),
    duringMs: quantile(times.during, 0.5),
  };
}

// A process of its own, as in production: it must not slow the foreground down by sharing its event loop.
async function startWorker(script: URL, uri: string) {
  const child = startScript(script, [uri]);
  const ended = new AbortController();
  const exited = once(child, "exit").then(() => ended.abort());
  await Promise.race([once(child.stdout, "data"), exited]);
  const stop = async () => {
    child.kill();
    await exited;
  };
  return { ended: ended.signal, stop };
}

async function callFor({ call }: Foreground, over?: AbortSignal): Promise<number[]> {
  const times: number[] = [];
  const end = performance.now() + windowMs;
  for (let index = 0; performance.now() < end && !over?.aborted; index++) {
    const started = performance.now();
    await call(index);
    times.push(performance.now() - started);
    await setTimeout(betweenCallsMs);
  }
  return times;
}
