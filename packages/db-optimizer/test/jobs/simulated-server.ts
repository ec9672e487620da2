import { afterBatch, type PaceLimits, slowShare, startPace } from "../../src/jobs/pacing/pace.js";

/** A server as a job in batches meets it. */
export interface SimulatedServer {
  /** Documents a second while it works. */
  readonly perSecond: number;
  /** Milliseconds of each batch, whatever its size. */
  readonly overheadMs: number;
  /** Part of the time in which reads are slowed down, beyond rest, at a moment in seconds. */
  slowed(atSeconds: number, doing: "batch" | "rest"): number;
}

/** One batch of a simulation. */
interface SimulatedBatch {
  readonly atSeconds: number;
  readonly documents: number;
  readonly share: number;
  readonly restMs: number;
}

/** Result of a simulation after its first part. */
export interface SimulatedRun {
  readonly batches: readonly SimulatedBatch[];
  /** Documents a second between two moments in seconds. */
  rate(from: number, to: number): number;
  /** Part of that time in which reads were slowed down. */
  slowedPart(from: number, to: number): number;
}

/** Runs the pace against a server for so many seconds of its time. */
export function simulate(server: SimulatedServer, limits: PaceLimits, seconds: number): SimulatedRun {
  let [state, ms, restMs] = [startPace(limits), 0, 0];
  const batches: (SimulatedBatch & { slowedMs: number; tookMs: number })[] = [];
  while (ms < seconds * 1_000) {
    const began = ms;
    const restSlowedMs = server.slowed(ms / 1_000, "rest") * restMs;
    ms += restMs;
    const documents = state.batchSize;
    const elapsedMs = server.overheadMs + (documents / server.perSecond) * 1_000;
    const slowedMs = restSlowedMs + server.slowed(ms / 1_000, "batch") * elapsedMs;
    ms += elapsedMs;
    const done = {
      documents,
      elapsedMs,
      watchedMs: ms - began,
      slowedMs,
      // A read that waits does so for the whole of a stall, half of it on average.
      longestMs: slowedMs / 2,
      allowedShare: slowShare,
    };
    const next = afterBatch(state, done, limits);
    state = next.state;
    restMs = next.restMs;
    batches.push({
      atSeconds: ms / 1_000,
      documents,
      share: state.share,
      restMs,
      slowedMs,
      tookMs: ms - began,
    });
  }
  const between = (from: number, to: number) =>
    batches.filter(({ atSeconds }) => atSeconds > from && atSeconds <= to);
  const sum = (list: readonly number[]) => list.reduce((all, one) => all + one, 0);
  return {
    batches,
    rate: (from, to) => sum(between(from, to).map(({ documents }) => documents)) / (to - from),
    slowedPart: (from, to) =>
      sum(between(from, to).map(({ slowedMs }) => slowedMs)) /
      sum(between(from, to).map(({ tookMs }) => tookMs)),
  };
}

/** The most documents a second that a constant part of the time brings within what is allowed of slowed reads. */
export function bestRate({ perSecond, overheadMs, slowed }: SimulatedServer, batch: number): number {
  const work = slowed(0, "batch");
  const share = work > 0 ? Math.min(1, slowShare / work) : 1;
  const busyPerSecond = batch / (overheadMs / 1_000 + batch / perSecond);
  return share * busyPerSecond;
}
