// Reads and controls runs from any process.
import type { Connection, mongo } from "mongoose";
import { OptimizerError, toOptimizerError } from "../core/errors.js";
import { instanceName } from "../core/process-name.js";
import { lowestLiving, withLease } from "./lease.js";
import { newRun, newRunId, noteLost } from "./run-job.js";
import { changeRun, findRun, type RunRecord, runsOf } from "./run-record.js";
import { heldStates, nextStatus, type RunCommand, unfinishedStates } from "./run-state.js";

/** Which runs are listed. */
export interface ListOptions {
  /** Runs of these jobs. */
  readonly jobs: readonly string[];
  /** Default 20. */
  readonly limit?: number;
  /** Leaves the results out, which may be long. Default false. */
  readonly isBrief?: boolean;
}

/**
 * The last runs of jobs, the newest first, as they are: one whose process is gone is `interrupted`, whether or not that was
 * noted. Reads only.
 *
 * @throws {OptimizerError} as the server says
 */
export async function listRuns(
  connection: Connection,
  { jobs, limit = 20, isBrief = false }: ListOptions,
): Promise<RunRecord[]> {
  const runs = runsOf(connection);
  const options = {
    sort: { startedAt: -1, fencing: -1 },
    limit,
    ...(isBrief && { projection: { result: 0 } }),
  } as const;
  try {
    const found = await Promise.all(jobs.map((job) => runs.find({ job }, options).toArray()));
    const newest = found
      .flat()
      .sort((one, other) => other.startedAt.getTime() - one.startedAt.getTime())
      .slice(0, limit);
    return await Promise.all(newest.map((run) => withLiveState(connection, run)));
  } catch (error) {
    throw toOptimizerError(error, "Cannot read the runs");
  }
}

/** Result of a run that succeeded, and its start. */
interface RunResult {
  readonly at: Date;
  readonly result: Readonly<Record<string, unknown>>;
}

/**
 * The results of the last runs of a job that succeeded, the newest first. Reads only.
 *
 * @param field one field of the results. Default all
 */
export async function runResults(
  connection: Connection,
  job: string,
  limit: number,
  field?: string,
): Promise<RunResult[]> {
  const projection = { startedAt: 1, [field === undefined ? "result" : `result.${field}`]: 1 };
  const options = { sort: { startedAt: -1 }, limit, projection } as const;
  const found = await runsOf(connection).find({ job, state: "succeeded" }, options).toArray();
  return found.map(({ startedAt: at, result = {} }) => ({ at, result }));
}

/**
 * One run as it is. Reads only.
 *
 * @throws {OptimizerError} `RUN_NOT_FOUND`
 */
export async function showRun(connection: Connection, id: string): Promise<RunRecord> {
  return withLiveState(connection, await findRun(runsOf(connection), id));
}

async function withLiveState(connection: Connection, run: RunRecord): Promise<RunRecord> {
  if (!heldStates.includes(run.state)) return run;
  const below = await lowestLiving(connection, run.job);
  return { ...run, ...nextStatus(run, { on: "lose", below }) };
}

/**
 * Has a job run by whichever process takes up queued runs of it. A job that is queued already is not queued twice.
 *
 * @param by who asks
 */
export function queueRun(
  connection: Connection,
  identity: { readonly job: string; readonly key?: string },
  by: string,
): Promise<RunRecord> {
  const runs = runsOf(connection);
  const { job } = identity;
  return aloneInQueue(connection, job, async () => {
    const queued = await runs.findOne({ job, state: "queued" });
    return queued ?? newRun(runs, newRunId(), identity, { state: "queued", instance: by, fencing: 0 });
  });
}

const [queueLeaseMs, queueWaitMs] = [2_000, 30_000];

/** Serializes queueing for each job, which checks for a queued run and then writes, so that one run is queued. */
function aloneInQueue<T>(connection: Connection, job: string, act: () => Promise<T>): Promise<T> {
  return withLease(connection, `queue:${job}`, { leaseMs: queueLeaseMs, waitMs: queueWaitMs }, act);
}

/** A run by its id, or the last run of a job. */
export type RunTarget = { readonly id: string } | { readonly job: string };

/**
 * Sends a command to a run: the process that holds the run obeys within a batch. A pause also holds for the next process
 * that continues the run, until it is resumed. `resume` queues a run that was interrupted or failed, or whose process is
 * gone. `cancel` ends a run at once if no process holds it.
 *
 * @param by who asks. Default: host name and process id
 * @returns the run as it is now
 * @throws {OptimizerError} `RUN_NOT_FOUND`; `NO_RUN` when the last run of the job is over, or there is none; `RUN_ENDED`,
 * `RUN_CANCELLING`; `RUN_ACTIVE` when another run of the job is queued already
 */
export async function controlRun(
  connection: Connection,
  target: RunTarget,
  command: RunCommand,
  by: string = instanceName(),
): Promise<RunRecord> {
  const runs = runsOf(connection);
  try {
    const { _id, job } =
      "id" in target ? await findRun(runs, target.id) : await lastOpen(runs, target.job, command);
    const below = await lowestLiving(connection, job);
    const ask = () => changeRun(runs, _id, { on: command, by, below });
    if (command === "cancel") return await ask();
    await noteLost(runs, job, below);
    return command === "pause"
      ? await ask()
      : await aloneInQueue(connection, job, () => resume(runs, _id, job, ask));
  } catch (error) {
    throw toOptimizerError(error, `Cannot ${command} the run`);
  }
}

async function resume(
  runs: mongo.Collection<RunRecord>,
  id: string,
  job: string,
  ask: () => Promise<RunRecord>,
): Promise<RunRecord> {
  const { state } = await findRun(runs, id);
  const queues = state === "interrupted" || state === "failed";
  if (queues && (await runs.findOne({ job, state: "queued", _id: { $ne: id } })))
    throw new OptimizerError("RUN_ACTIVE", `Another run of ${job} is queued already`);
  return ask();
}

async function lastOpen(
  runs: mongo.Collection<RunRecord>,
  job: string,
  command: RunCommand,
): Promise<RunRecord> {
  const last = await runs.findOne({ job }, { sort: { startedAt: -1, fencing: -1 } });
  if (last && [...heldStates, ...unfinishedStates].includes(last.state)) return last;
  throw new OptimizerError("NO_RUN", `There is no unfinished run of ${job} to ${command}`);
}

/** Of these jobs, those of which a run is queued. Runs whose process is gone are noted as interrupted on the way. */
export async function queuedJobs(connection: Connection, jobs: readonly string[]): Promise<string[]> {
  const runs = runsOf(connection);
  const held = { job: { $in: [...jobs] }, state: { $in: [...heldStates] } };
  for (const job of await runs.distinct("job", held))
    await noteLost(runs, job, await lowestLiving(connection, job));
  return runs.distinct("job", { job: { $in: [...jobs] }, state: "queued" });
}

/** The latest scheduled time, at or before a moment, that a run of the job has served. */
export async function lastServed(connection: Connection, job: string, at: Date): Promise<Date | undefined> {
  const served = { job, servedTo: { $lte: at } };
  return (await runsOf(connection).findOne(served, { sort: { servedTo: -1 } }))?.servedTo;
}
