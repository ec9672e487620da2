import { Cron } from "croner";
import type { Job } from "./job.js";
import { type Runner, runJob } from "./run-job.js";

const earlyMs = 100;

/** A job on its schedule. */
export interface Scheduled {
  readonly job: string;
  /** When it is due next. */
  next(): Date | null;
  /** Starts nothing more; resolves when the run under way, if any, has ended. */
  stop(): Promise<void>;
}

/**
 * Runs a job whenever its schedule says so: one run at a time in this process and, through the lease, among all.
 *
 * @param timezone - IANA name.
 * @throws Error for a schedule or time zone that can't be read.
 */
export function scheduleJob(runner: Runner, job: Job, timezone: string): Scheduled {
  const underWay = new Set<Promise<void>>();
  let retry: NodeJS.Timeout | undefined;
  const attempt = (tick: Date): Promise<void> => {
    clearTimeout(retry);
    const run = runScheduled(runner, job, tick).then((again) => {
      // Whoever holds the lease may die, and a job of once a day must not wait for tomorrow then.
      if (again && !runner.stopping.aborted) retry = setTimeout(() => void attempt(tick), runner.leaseMs);
      underWay.delete(run);
    });
    underWay.add(run);
    return run;
  };
  const cron: Cron = new Cron(
    job.schedule,
    { timezone, protect: true },
    (): Promise<void> =>
      // The scheduled time, not the moment of the call, because all instances must speak of the same one. A timer may
      // go off a moment early, and the time before would then be taken for this one.
      attempt(cron.previousRuns(1, new Date(Date.now() + earlyMs))[0] ?? new Date()),
  );
  return {
    job: job.name,
    next: () => cron.nextRun(),
    stop: async () => {
      cron.stop();
      clearTimeout(retry);
      await Promise.all(underWay);
    },
  };
}

/** @returns true when another instance holds the lease, so that this one should look again. */
async function runScheduled(runner: Runner, job: Job, tick: Date): Promise<boolean> {
  if (runner.stopping.aborted) return false;
  try {
    const result = await runJob(runner, job, { tick });
    if (result.ran) return false;
    runner.metrics.runRefused(job.name, result.reason);
    runner.log.debug({ job: job.name, reason: result.reason }, "run left to another instance");
    return result.reason === "locked";
  } catch (err) {
    runner.log.error({ err, job: job.name }, "the lease or the history failed; the next tick tries again");
    runner.metrics.runRefused(job.name, "error");
    return false;
  }
}
