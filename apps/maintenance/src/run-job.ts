import type { Logger } from "pino";
import { startHeartbeat } from "./heartbeat.js";
import type { Job } from "./job.js";
import { acquireLease, type HeldLease, type LeaseStore, releaseLease } from "./lease.js";
import type { Metrics } from "./metrics.js";
import { beginRun, endRun, type RunEnd, type RunHistory } from "./runs.js";

/** What runs are made with. */
export interface Runner {
  readonly leases: LeaseStore;
  readonly history: RunHistory;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly instance: string;
  readonly leaseMs: number;
  /** Aborted when the process is to end. */
  readonly stopping: AbortSignal;
}

/** What became of an attempt to run a job. */
export type RunResult =
  | (RunEnd & { ran: true })
  | { ran: false; reason: "locked"; expiresAt: Date }
  | { ran: false; reason: "done" };

/**
 * Runs a job if no other instance does. Errors of the job end in the history, the log and the result; errors of the
 * lease and the history are thrown.
 *
 * @param tick - the scheduled time, so that of several instances one runs for it, however fast it is.
 */
export async function runJob(runner: Runner, job: Job, tick?: Date): Promise<RunResult> {
  const { leases, instance: owner, leaseMs: ttlMs } = runner;
  const acquisition = await acquireLease(leases, { job: job.name, owner, ttlMs, ...(tick && { tick }) });
  if (!acquisition.acquired) {
    const { acquired: _, ...refusal } = acquisition;
    return { ran: false, ...refusal };
  }
  const { lease } = acquisition;
  const end = await runUnderLease(runner, job, lease);
  // An interrupted run is left for another instance to finish; a failed one would only fail there too.
  await releaseLease(leases, lease, end.state === "interrupted" ? undefined : tick);
  return { ran: true, ...end };
}

async function runUnderLease(runner: Runner, job: Job, lease: HeldLease): Promise<RunEnd> {
  const { leases, history, metrics } = runner;
  const log = runner.log.child({ job: job.name, fence: lease.fence });
  const heartbeat = startHeartbeat(leases, lease, runner.leaseMs);
  const began = performance.now();
  try {
    const run = await beginRun(history, lease, await leases.now());
    log.info("run started");
    const signal = AbortSignal.any([runner.stopping, heartbeat.lost]);
    const end = await attempt(job, signal, log, heartbeat.lost);
    const seconds = (performance.now() - began) / 1_000;
    metrics.runEnded(job.name, end, seconds);
    log[end.state === "failed" ? "error" : "info"]({ ...end, seconds }, `run ${end.state}`);
    await endRun(history, run, end, await leases.now());
    return end;
  } finally {
    await heartbeat.stop();
  }
}

async function attempt(job: Job, signal: AbortSignal, log: Logger, lost: AbortSignal): Promise<RunEnd> {
  try {
    const { result, interrupted } = await job.run({ signal, log });
    if (lost.aborted) return { state: "failed", result, error: leaseLost };
    return { state: interrupted ? "interrupted" : "succeeded", result };
  } catch (error) {
    log.error({ err: error }, "run threw");
    return { state: "failed", error: lost.aborted ? leaseLost : describe(error) };
  }
}

const leaseLost = { code: "LEASE_LOST", message: "the lease ran out or was taken while the job ran" };

function describe(error: unknown): { code: string; message: string } {
  const { code, message } = error as { code?: unknown; message?: unknown };
  return { code: String(code ?? "UNKNOWN"), message: String(message ?? error).slice(0, 500) };
}
