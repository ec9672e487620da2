import { queuedJobs } from "@org/db-optimizer/jobs";
import type { Job } from "./job.js";
import { type Runner, runJob } from "./run-job.js";

/** Runs that were queued from outside. */
export interface QueueWatch {
  /** Takes up nothing more; resolves when the run under way, if any, has ended. */
  stop(): Promise<void>;
}

/** Takes up queued runs as they come, one at a time in this process and, through the lease, one of a job among all. */
export function watchQueue(runner: Runner, jobs: readonly Job[], everyMs: number): QueueWatch {
  let underWay: Promise<void> | undefined;
  const timer = setInterval(() => {
    underWay ??= takeUp(runner, jobs).finally(() => {
      underWay = undefined;
    });
  }, everyMs);
  return {
    stop: async () => {
      clearInterval(timer);
      await underWay;
    },
  };
}

async function takeUp(runner: Runner, jobs: readonly Job[]): Promise<void> {
  try {
    const queued = await queuedJobs(
      runner.connection,
      jobs.map(({ job }) => job),
    );
    for (const job of jobs) {
      if (runner.stopping.aborted) return;
      if (queued.includes(job.job)) await runJob(runner, job, { onlyQueued: true });
    }
  } catch (err) {
    runner.log.error({ err }, "the queue could not be read; it will be read again");
  }
}
