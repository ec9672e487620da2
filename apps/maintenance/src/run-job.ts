import { toOptimizerError } from "@org/db-optimizer";
import type { Logger } from "pino";
import { startHeartbeat } from "./heartbeat.js";
import type { Job } from "./job.js";
import { acquireLease, type HeldLease, type LeaseStore, releaseLease } from "./lease.js";
import type { Metrics } from "./metrics.js";
import { type RunWatch, watchRun } from "./run-watch.js";
import { beginRun, endRun, type RunDocument, type RunEnd, type RunHistory } from "./runs.js";

/** What runs are made with. */
export interface Runner {
  readonly leases: LeaseStore;
  readonly history: RunHistory;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly instance: string;
  readonly leaseMs: number;
  /** How late a scheduled run may still start. */
  readonly startingDeadlineMs: number;
  /** Aborted when the process is to end. */
  readonly stopping: AbortSignal;
}

/** What became of an attempt to run a job. */
export type RunResult =
  | (RunEnd & {
      readonly ran: true;
      /** The latest scheduled time that the run has served; absent when it served none. */
      readonly seenTo?: Date;
      /** Whether it failed of something that passes: it should be made again for the same scheduled time. */
      readonly again: boolean;
    })
  | { ran: false; reason: "locked"; expiresAt: Date }
  | { ran: false; reason: "done" }
  | { ran: false; reason: "nothing_queued" };

/** What a run is for. */
export interface RunOccasion {
  /** The scheduled time, so that of several instances one runs for it, however fast it is. */
  readonly tick?: Date;
  /** The latest scheduled time at a moment: those that come up during a run are served by it. */
  readonly lastTick?: (at: Date) => Date | undefined;
  /** Only if a run of the job is queued. */
  readonly onlyQueued?: boolean;
}

/** How often a run's record is written and read, at most. */
const watchMs = 1_000;

/**
 * Runs a job if no other instance does. Errors of the job end in the history, the log and the result; errors of the
 * lease and the history are thrown.
 */
export async function runJob(runner: Runner, job: Job, occasion: RunOccasion = {}): Promise<RunResult> {
  const { leases, instance: owner, leaseMs: ttlMs } = runner;
  const { tick, onlyQueued } = occasion;
  const acquisition = await acquireLease(leases, { job: job.name, owner, ttlMs, ...(tick && { tick }) });
  if (!acquisition.acquired) {
    const { acquired: _, ...refusal } = acquisition;
    return { ran: false, ...refusal };
  }
  const { lease } = acquisition;
  const end = await runUnderLease(runner, job, lease, onlyQueued);
  if (!end) {
    await releaseLease(leases, lease);
    return { ran: false, reason: "nothing_queued" };
  }
  // An interrupted run is left for another instance to finish. One that failed would only fail there too, unless the
  // database was away.
  const again = end.state === "failed" && passing.has(end.error?.code ?? "");
  const open = end.state === "interrupted" || again;
  const seenTo = tick && !open ? (occasion.lastTick?.(await leases.now()) ?? tick) : undefined;
  await releaseLease(leases, lease, seenTo);
  return { ran: true, ...end, again, ...(seenTo && { seenTo }) };
}

async function runUnderLease(
  runner: Runner,
  job: Job,
  lease: HeldLease,
  onlyQueued?: boolean,
): Promise<RunEnd | undefined> {
  const { leases, history, metrics } = runner;
  const heartbeat = startHeartbeat(leases, lease, runner.leaseMs);
  try {
    const run = await beginRun(history, lease, await leases.now(), onlyQueued);
    if (!run) return undefined;
    const log = runner.log.child({ job: job.name, fence: lease.fence, run: String(run._id) });
    log.info("run started");
    const began = performance.now();
    const end = await watched(runner, job, run, { log, lost: heartbeat.lost });
    const seconds = (performance.now() - began) / 1_000;
    metrics.runEnded(job.name, end, seconds);
    log[end.state === "failed" ? "error" : "info"]({ ...end, seconds }, `run ${end.state}`);
    await endRun(history, run, end, await leases.now());
    return end;
  } finally {
    await heartbeat.stop();
  }
}

async function watched(
  { history, leaseMs, stopping }: Runner,
  job: Job,
  run: RunDocument,
  { log, lost }: { log: Logger; lost: AbortSignal },
): Promise<RunEnd> {
  const cancelled = new AbortController();
  // A job that can be paused asks for itself what is wanted of it, and ends between two batches.
  const onCancel = () => job.pausable || cancelled.abort();
  const watch = watchRun(history, run, Math.min(watchMs, leaseMs / 3), { log, onCancel });
  try {
    const signal = AbortSignal.any([stopping, lost, cancelled.signal]);
    return await attempt(job, watch, { signal, log, lost });
  } finally {
    await watch.stop();
  }
}

async function attempt(
  job: Job,
  watch: RunWatch,
  { signal, log, lost }: { signal: AbortSignal; log: Logger; lost: AbortSignal },
): Promise<RunEnd> {
  try {
    const { result, interrupted } = await job.run({
      signal,
      log,
      wanted: watch.wanted,
      report: watch.report,
    });
    if (lost.aborted) return { state: "failed", result, error: leaseLost };
    if (!interrupted) return { state: "succeeded", result };
    return { state: watch.wanted() === "cancel" ? "cancelled" : "interrupted", result };
  } catch (error) {
    log.error({ err: error }, "run threw");
    return { state: "failed", error: lost.aborted ? leaseLost : describe(error) };
  }
}

/** Codes of failures that pass by themselves. */
const passing = new Set(["UNREACHABLE", "DATABASE_UNREACHABLE", "LEASE_LOST"]);

const leaseLost = { code: "LEASE_LOST", message: "the lease ran out or was taken while the job ran" };

function describe(error: unknown): { code: string; message: string } {
  const { name, code, message } = error as { name?: unknown; code?: unknown; message?: unknown };
  const ofDriver = String(name).startsWith("Mongo");
  return {
    code: ofDriver ? toOptimizerError(error).code : String(code ?? "UNKNOWN"),
    message: String(message ?? error).slice(0, 500),
  };
}
