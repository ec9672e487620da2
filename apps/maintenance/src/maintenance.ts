import type { IdentityDatabase } from "@org/db-models";
import { prepareRuns, serverTime } from "@org/db-optimizer/jobs";
import { UsageError } from "@org/service-kit";
import type { Logger } from "pino";
import { type Config, instanceName } from "./config.js";
import { dashboardPage } from "./dashboard/page.js";
import { readDashboard } from "./dashboard/read.js";
import type { Job } from "./job.js";
import { createMetrics, type Metrics } from "./metrics.js";
import { type QueueWatch, watchQueue } from "./queue.js";
import type { Controls } from "./run-control.js";
import { type Runner, type RunResult, runJob } from "./run-job.js";
import { type Scheduled, scheduleJob } from "./schedule.js";
import { type StatusServer, serveStatus } from "./status-server.js";

/** Dependencies of maintenance. The caller owns the database: it outlives the maintenance. */
export interface MaintenanceDeps {
  database: Pick<IdentityDatabase, "connection">;
  config: Config;
  log: Logger;
  /** Makes the jobs; called once. */
  jobs(metrics: Metrics): Job[];
}

/** Maintenance that runs on its schedules. */
export interface Maintenance {
  /** Where the dashboard is, and where Prometheus scrapes `/metrics`: such as `http://127.0.0.1:9464`. */
  readonly address: string;
  /** When each job is due next; a job whose schedule is `off` is not listed. */
  upcoming(): Array<{ job: string; next: Date | null }>;
  /** Starts nothing more and waits until the runs under way have finished their batch. */
  stop(): Promise<void>;
}

const day = 86_400_000;

/**
 * Runs the jobs on their schedules, and what is queued, each on one instance at a time.
 *
 * @throws Error when a schedule can't be read or the metrics endpoint can't listen.
 */
export async function startMaintenance(deps: MaintenanceDeps): Promise<Maintenance> {
  const stopping = new AbortController();
  const runner = runnerOf(deps, stopping.signal);
  await prepareRuns(runner.connection);
  const jobs = deps.jobs(runner.metrics);
  let scheduled: Scheduled[] = [];
  const upcoming = () => scheduled.map(({ job, next }) => ({ job, next: next() }));
  const { registry } = runner.metrics;
  const controls = controlsOf(runner, jobs);
  const dashboard = async () => dashboardPage(await readDashboard(controls, upcoming()));
  const server = await serveStatus({ registry, dashboard }, deps.config);
  try {
    scheduled = jobs
      .filter(({ schedule }) => schedule !== "off")
      .map((job) => scheduleJob(runner, job, deps.config.timezone));
  } catch (error) {
    await server.close();
    throw error;
  }
  const queue = watchQueue(runner, jobs, deps.config.queuePollMs);
  let stopped: Promise<void> | undefined;
  return {
    address: server.address,
    upcoming,
    stop: () => {
      stopping.abort();
      stopped ??= stopAll([...scheduled, queue], server);
      return stopped;
    },
  };
}

/**
 * Runs jobs once, one after the other, whatever their schedules say: for a scheduler outside, such as cron.
 *
 * @param only - the job to run; all when absent.
 * @param stopping - aborted when the process is to end.
 * @throws UsageError when there is no such job.
 */
export async function runOnce(
  deps: MaintenanceDeps,
  stopping: AbortSignal,
  only?: string,
): Promise<RunResult[]> {
  const runner = runnerOf(deps, stopping);
  await prepareRuns(runner.connection);
  const jobs = deps.jobs(runner.metrics);
  const chosen = only === undefined ? jobs : jobs.filter(({ name }) => name === only);
  if (chosen.length === 0)
    throw new UsageError(`no job ${only}; jobs: ${jobs.map(({ name }) => name).join(", ")}`);
  const results: RunResult[] = [];
  for (const job of chosen) results.push(await runJob(runner, job));
  return results;
}

/**
 * The context of commands that show and control runs.
 *
 * @param reading - whether they show only: nothing is written then.
 */
export async function prepareControls(deps: MaintenanceDeps, reading: boolean): Promise<Controls> {
  const runner = runnerOf(deps, new AbortController().signal);
  if (!reading) await prepareRuns(runner.connection);
  return controlsOf(runner, deps.jobs(runner.metrics));
}

function controlsOf({ connection, instance }: Runner, jobs: readonly Job[]): Controls {
  return { connection, jobs, by: instance };
}

function runnerOf({ database, config, log }: MaintenanceDeps, stopping: AbortSignal): Runner {
  const { connection } = database;
  const { db } = connection;
  if (!db) throw new TypeError("the database is not open");
  const instance = instanceName(config);
  return {
    connection,
    now: () => serverTime(db),
    metrics: createMetrics(),
    log: log.child({ instance }),
    instance,
    leaseMs: config.leaseMs,
    keepMs: config.runRetentionDays * day,
    startingDeadlineMs: config.startingDeadlineMs,
    stopping,
  };
}

async function stopAll(parts: readonly (Scheduled | QueueWatch)[], server: StatusServer): Promise<void> {
  await Promise.all(parts.map((one) => one.stop()));
  await server.close();
}
