import { isOptimizerError } from "@org/db-optimizer";
import {
  attemptJob,
  type Run,
  type RunOccasion,
  type RunRecord,
  type RunStatus,
} from "@org/db-optimizer/jobs";
import type { Connection } from "mongoose";
import type { Logger } from "pino";
import type { Job } from "./job.js";
import type { Metrics } from "./metrics.js";

/** Dependencies of runs. */
export interface Runner {
  readonly connection: Connection;
  /** The database server's time, which all instances share. */
  now(): Promise<Date>;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly instance: string;
  readonly leaseMs: number;
  /** Milliseconds that the history of runs is kept. */
  readonly keepMs: number;
  /** How late a scheduled run may still start. */
  readonly startingDeadlineMs: number;
  /** Aborted when the process is to end. */
  readonly stopping: AbortSignal;
}

/** How a run ended. */
export type RunEnd = Pick<RunRecord, "state" | "result" | "error">;

/** Result of an attempt to run a job. */
export type RunResult =
  | (RunEnd & {
      readonly ran: true;
      /** The latest scheduled time that the run has served; absent when it served none. */
      readonly seenTo?: Date;
      /** Whether it failed of something that passes: it should be made again for the same scheduled time. */
      readonly again: boolean;
    })
  | { ran: false; reason: "locked"; expiresAt: Date }
  | { ran: false; reason: "done" | "nothing_queued" };

/** Cause of a run. */
interface Occasion extends Pick<RunOccasion, "tick" | "onlyQueued"> {
  /** The latest scheduled time at a moment: those that come up during a run are served by it. */
  readonly lastTick?: (at: Date) => Date | undefined;
}

/**
 * Runs a job if no other instance does. Errors of the job end in the history, the log and the result; errors of the
 * lease and the history are thrown.
 */
export async function runJob(runner: Runner, job: Job, occasion: Occasion = {}): Promise<RunResult> {
  const { connection, instance, leaseMs, keepMs, stopping: signal } = runner;
  const { tick, lastTick, onlyQueued = false } = occasion;
  let seenTo: Date | undefined;
  const servedTo = async (end: RunStatus) => {
    // An interrupted run is left for another instance to finish. One that failed would only fail there too, unless the
    // database was away.
    const isOpen = end.state === "interrupted" || isPassing(end);
    seenTo = tick && !isOpen ? (lastTick?.(await runner.now()) ?? tick) : undefined;
    return seenTo;
  };
  const asked = { onlyQueued, servedTo, ...(tick && { tick }) };
  const options = { instance, leaseMs, keepMs, signal, occasion: asked };
  const began = performance.now();
  try {
    const outcome = await attemptJob(connection, job, options, (run) => work(runner, job, run));
    if (!outcome.ran) return outcome;
    const end = endOf(outcome.record);
    tell(runner, job, end, { run: outcome.record._id, seconds: (performance.now() - began) / 1_000 });
    if ("error" in outcome) runner.log.error({ err: outcome.error, job: job.name }, "run threw");
    return { ran: true, ...end, again: isPassing(end), ...(seenTo && { seenTo }) };
  } catch (error) {
    if (!isOptimizerError(error, "LOCKED")) throw error;
    return { ran: false, reason: "locked", expiresAt: error.details.expiresAt as Date };
  }
}

async function work({ log }: Runner, job: Job, run: Run) {
  const own = log.child({ job: job.name, fencing: run.lease.fencing, run: run.record._id });
  own.info("run started");
  return { value: undefined, ...(await job.run({ run, signal: run.signal, log: own })) };
}

function endOf({ state, result, error }: RunRecord): RunEnd {
  return { state, ...(result && { result }), ...(error && { error }) };
}

function tell(
  { metrics, log }: Runner,
  { name: job }: Job,
  end: RunEnd,
  facts: { readonly run: string; readonly seconds: number },
): void {
  metrics.runEnded(job, end, facts.seconds);
  log[end.state === "failed" ? "error" : "info"]({ ...end, ...facts, job }, `run ${end.state}`);
}

/** Codes of failures that pass by themselves. */
const passing = new Set(["UNREACHABLE", "DATABASE_UNREACHABLE", "LEASE_LOST"]);

function isPassing({ state, error }: RunEnd | RunStatus): boolean {
  return state === "failed" && passing.has(error?.code ?? "");
}
