import { setTimeout as sleep } from "node:timers/promises";
import { lastServed } from "@org/db-optimizer/jobs";
import { Cron } from "croner";
import type { Job } from "./job.js";
import { type Runner, runJob } from "./run-job.js";

/** A schedule is compared with the database's clock at least this often, so that a clock that jumps is followed. */
const longestSleepMs = 60_000;
const [shortestRetryMs, longestRetryMs] = [1_000, 60_000];

/** A job on its schedule. */
export interface Scheduled {
  readonly job: string;
  /** When it is due next. */
  next(): Date | null;
  /** Starts nothing more; resolves when the run under way, if any, has ended. */
  stop(): Promise<void>;
}

/** The due moments of a cron expression in a time zone. */
interface Ticks {
  /** The latest at or before a moment; `undefined` where there is none. */
  latest(at: Date): Date | undefined;
  /** The first after a moment. */
  next(at: Date): Date | null;
}

/**
 * Runs a job whenever its schedule says so: one run at a time in this process and, through the lease, among all. The
 * database's clock decides what is due, so that instances whose own clocks differ speak of the same moments.
 *
 * A run that could not be made because the database was away is tried again, with back-off, as is one that was due while no
 * instance was up: the latest due moment only, and no later than `startingDeadlineMs` after it.
 *
 * @param timezone - IANA name.
 * @throws Error for a schedule or time zone that can't be read.
 */
export function scheduleJob(runner: Runner, job: Job, timezone: string): Scheduled {
  const ticks = ticksOf(job.schedule, timezone);
  const stopping = new AbortController();
  const signal = AbortSignal.any([stopping.signal, runner.stopping]);
  const schedule = new Schedule(runner, job, ticks);
  const ended = (async () => {
    while (!signal.aborted) {
      const waitMs = await schedule.step(signal);
      await sleep(waitMs, undefined, { signal }).catch(() => undefined);
    }
  })();
  return {
    job: job.name,
    next: () => ticks.next(schedule.now()),
    stop: () => {
      stopping.abort();
      return ended;
    },
  };
}

function ticksOf(pattern: string, timezone: string): Ticks {
  const cron = new Cron(pattern, { timezone, paused: true });
  return {
    // The moment itself counts; croner leaves it out.
    latest: (at) => cron.previousRuns(1, new Date(at.getTime() + 1))[0],
    next: (at) => cron.nextRun(at),
  };
}

/** Due and handled moments of a job. */
class Schedule {
  readonly #runner: Runner;
  readonly #job: Job;
  readonly #ticks: Ticks;
  /** The latest due moment that asks for nothing more of this instance. */
  #seenTo: Date | undefined;
  #failures = 0;
  /** The database's clock less the one that measures durations. */
  #offsetMs = Date.now() - performance.now();

  constructor(runner: Runner, job: Job, ticks: Ticks) {
    this.#runner = runner;
    this.#job = job;
    this.#ticks = ticks;
  }

  /** The database's time, as far as it is known. */
  now(): Date {
    return new Date(performance.now() + this.#offsetMs);
  }

  /** Does what is due. Resolves with the time until there may be something to do again, at the latest. */
  async step(signal: AbortSignal): Promise<number> {
    try {
      const now = await this.#readClock(signal);
      this.#seenTo ??= await this.#firstSeenTo(now);
      const due = this.#ticks.latest(now);
      return (due && due > this.#seenTo ? await this.#run(due, now) : 0) || this.#untilNext();
    } catch (err) {
      if (signal.aborted) return 0;
      const { log, metrics } = this.#runner;
      const retryMs = this.#backOff();
      log.error({ err, job: this.#job.name, retryMs }, "the lease or the history failed; tried again");
      metrics.runRefused(this.#job.name, "error");
      return retryMs;
    }
  }

  // A server that hangs must not hold the end of this process up.
  async #readClock(signal: AbortSignal): Promise<Date> {
    signal.throwIfAborted();
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
    const now = await Promise.race([this.#runner.now(), aborted]);
    this.#offsetMs = now.getTime() - performance.now();
    return now;
  }

  /** Where a schedule begins: at the last run that any instance has made, if there is one. */
  async #firstSeenTo(now: Date): Promise<Date> {
    return (await lastServed(this.#runner.connection, this.#job.job, now)) ?? now;
  }

  /** @returns milliseconds until the next try; 0 for the next due moment. */
  async #run(tick: Date, now: Date): Promise<number> {
    const { metrics, log, startingDeadlineMs } = this.#runner;
    const { name } = this.#job;
    if (now.getTime() - tick.getTime() > startingDeadlineMs) {
      log.warn({ job: name, tick }, "the run was missed: its deadline for starting is over");
      metrics.runRefused(name, "missed");
      this.#seenTo = tick;
      return 0;
    }
    const result = await runJob(this.#runner, this.#job, { tick, lastTick: (at) => this.#ticks.latest(at) });
    if (!result.ran) {
      metrics.runRefused(name, result.reason);
      log.debug({ job: name, reason: result.reason }, "run left to another instance");
      // The holder of the lease may die; a daily job must not wait for tomorrow then.
      if (result.reason === "locked") return this.#runner.leaseMs;
    }
    if (result.ran && result.again) return this.#backOff();
    this.#failures = 0;
    this.#seenTo = result.ran ? result.seenTo : tick;
    return 0;
  }

  #backOff(): number {
    const wait = Math.min(longestRetryMs, shortestRetryMs * 2 ** this.#failures);
    this.#failures += 1;
    return wait;
  }

  #untilNext(): number {
    const now = this.now();
    const next = this.#ticks.next(now);
    return next ? Math.min(longestSleepMs, Math.max(1, next.getTime() - now.getTime())) : longestSleepMs;
  }
}
