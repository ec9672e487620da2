import type { Job } from "./job.js";
import { type Runner, runJob } from "./run-job.js";
import { alive, noteLost } from "./runs.js";

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

// A job without a schedule has no next run to note it.
async function noteAllLost({ history, leases }: Runner, names: readonly string[]): Promise<void> {
  const filter = { job: { $in: [...names] }, state: { $in: alive } };
  for (const job of await history.collection.distinct("job", filter)) await noteLost(history, leases, job);
}

async function takeUp(runner: Runner, jobs: readonly Job[]): Promise<void> {
  try {
    const names = jobs.map(({ name }) => name);
    await noteAllLost(runner, names);
    const queued = await runner.history.collection.distinct("job", { job: { $in: names }, state: "queued" });
    for (const job of jobs) {
      if (runner.stopping.aborted) return;
      if (queued.includes(job.name)) await runJob(runner, job, { onlyQueued: true });
    }
  } catch (err) {
    runner.log.error({ err }, "the queue could not be read; it is looked at again");
  }
}
