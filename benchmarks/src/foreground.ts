import { once } from "node:events";
import { setTimeout } from "node:timers/promises";
import { quantile, type Range, rangeOf } from "./measure.js";
import { startScript } from "./script.js";

export interface ForegroundBenchmark {
  /** 99th percentile of a call while a process works in the background, over that when idle. */
  ratio: Range;
  idleMs: number;
  duringMs: number;
  /** Work of the background process in the meantime, per second. */
  workPerSecond: number;
}

/** The measured cases. */
export interface Foreground {
  /** Before each round. */
  prepare(): Promise<void>;
  call(index: number): Promise<unknown>;
  /** The background script; with each batch it prints a line with its progress. */
  readonly script: URL;
  readonly uri: string;
  /** After each round. */
  tidy(): Promise<void>;
}

const warmUpMs = 2_000;
const windowMs = 10_000;
const betweenCallsMs = 2;

/** The latency of a foreground while nothing else goes on, and while a process works: in rounds, side by side. */
export async function benchmarkForeground(given: Foreground, rounds = 9): Promise<ForegroundBenchmark> {
  const times = { idle: [] as number[], during: [] as number[] };
  const rates: number[] = [];
  for (let round = 0; round < rounds; round++) {
    await given.prepare();
    // The server is still writing the prepared data to disk.
    await callFor(given, warmUpMs);
    const idle = await callFor(given, windowMs);
    const worker = await startWorker(given.script, given.uri);
    const during = await callFor(given, windowMs, worker.ended);
    rates.push(worker.perSecond());
    await worker.stop();
    await given.tidy();
    times.idle.push(quantile(idle, 0.99));
    times.during.push(quantile(during, 0.99));
  }
  return {
    ratio: rangeOf(times.during.map((during, round) => during / (times.idle[round] as number))),
    idleMs: quantile(times.idle, 0.5),
    duringMs: quantile(times.during, 0.5),
    workPerSecond: quantile(rates, 0.5),
  };
}

// A process of its own, as in production: it must not slow the foreground down by sharing its event loop.
async function startWorker(script: URL, uri: string) {
  const child = startScript(script, [uri]);
  const ended = new AbortController();
  const exited = once(child, "exit").then(() => ended.abort());
  let done = 0;
  child.stdout.on("data", (lines) => {
    done = Number(String(lines).trim().split("\n").at(-1));
  });
  await Promise.race([once(child.stdout, "data"), exited]);
  const since = { done, at: performance.now() };
  const perSecond = () => ((done - since.done) / (performance.now() - since.at)) * 1_000;
  const stop = async () => {
    child.kill();
    await exited;
  };
  return { ended: ended.signal, perSecond, stop };
}

async function callFor({ call }: Foreground, ms: number, over?: AbortSignal): Promise<number[]> {
  const times: number[] = [];
  const end = performance.now() + ms;
  for (let index = 0; performance.now() < end && !over?.aborted; index++) {
    const started = performance.now();
    await call(index);
    times.push(...withUnasked(performance.now() - started));
    await setTimeout(betweenCallsMs);
  }
  return times;
}

/** A call that takes long, and those that others would have made meanwhile, which would have waited for the rest of it. */
function withUnasked(ms: number): number[] {
  const waits = [ms];
  for (let left = ms - betweenCallsMs; left > betweenCallsMs; left -= betweenCallsMs) waits.push(left);
  return waits;
}
