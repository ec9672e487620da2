import { once } from "node:events";
import { setTimeout } from "node:timers/promises";
import { quantile, type Range, rangeOf, rangeText } from "./measure.js";
import { startScript } from "./script.js";

/** What a foreground has of a process in the background. */
export interface ForegroundBenchmark {
  /** p99 of a call over that when idle, of each round: of all that it works, and of its first seconds. */
  ratio: Range;
  atFirst: Range;
  idleMs: number;
  duringMs: number;
  /** Work of the background process per second, of all rounds, and of the slowest and the fastest. */
  workPerSecond: Range;
  /** Longest round, seconds. */
  seconds: number;
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

/**
 * The latency of a foreground while nothing else goes on, and then while a process works, for so many windows of ten
 * seconds or until it is through: in rounds, side by side.
 */
export async function benchmarkForeground(
  given: Foreground,
  { rounds, windows }: { readonly rounds: number; readonly windows: number },
): Promise<ForegroundBenchmark> {
  const found = { idle: [] as number[], during: [] as number[], atFirst: [] as number[] };
  const [rates, seconds]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    await given.prepare();
    // The server is still writing the prepared data to disk.
    await callFor(given, warmUpMs);
    found.idle.push(p99(await callFor(given, windowMs)));
    const began = performance.now();
    const worker = await startWorker(given.script, given.uri);
    const first = await callFor(given, windowMs, worker.ended);
    const later = await callFor(given, (windows - 1) * windowMs, worker.ended);
    rates.push(worker.perSecond());
    await worker.stop();
    seconds.push((performance.now() - began) / 1_000);
    await given.tidy();
    found.atFirst.push(p99(first));
    found.during.push(p99([...first, ...later]));
  }
  const overIdle = (times: readonly number[]) =>
    rangeOf(times.map((time, round) => time / (found.idle[round] as number)));
  return {
    ratio: overIdle(found.during),
    atFirst: overIdle(found.atFirst),
    idleMs: quantile(found.idle, 0.5),
    duringMs: quantile(found.during, 0.5),
    workPerSecond: rangeOf(rates),
    seconds: Math.max(...seconds),
  };
}

/** The figures for people. */
export function readableForeground(found: ForegroundBenchmark, unit: string): string {
  const { median, low, high } = found.workPerSecond;
  return (
    `${rangeText(found.ratio)} times idle, ${rangeText(found.atFirst)} in the first ten seconds of at most ` +
    `${found.seconds.toFixed(0)}; ${found.duringMs.toFixed(2)} ms against ${found.idleMs.toFixed(2)} ms, ` +
    `at ${Math.round(median)} (${Math.round(low)} to ${Math.round(high)}) ${unit}/s`
  );
}

function p99(times: readonly number[]): number {
  return quantile(times, 0.99);
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
  let endedAt: number | undefined;
  ended.signal.addEventListener("abort", () => {
    endedAt = performance.now();
  });
  const perSecond = () => ((done - since.done) / ((endedAt ?? performance.now()) - since.at)) * 1_000;
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
