// Runs a job: one lease, one record, whatever the job is.
import { type Connection, mongo } from "mongoose";
import { isOptimizerError, OptimizerError, toOptimizerError } from "../core/errors.js";
import { instanceName } from "../core/process-name.js";
import { serverTime } from "../core/server/time.js";
import { withRetries } from "../core/server/transient.js";
import { defaultLeaseMs, type Lease, type LeaseOptions, withLease } from "./lease.js";
import { Run } from "./run.js";
import { changeRun, type RunData, type RunRecord, runsOf } from "./run-record.js";
import { endedStates, heldStates, nextStatus, type RunEnding, type RunStatus } from "./run-state.js";

/** The job to run. */
export interface JobIdentity {
  /** Name of the job, and of the lease that one run of it holds at a time. */
  readonly job: string;
  /** Tells runs with different work apart. Default empty. */
  readonly key?: string;
  /** Whether a run continues where an interrupted or failed one of the same key was; otherwise it is a new one. */
  readonly isResumable: boolean;
}

/** The cause of a run. */
export interface RunOccasion {
  /** The scheduled time: of several processes one runs for it, however fast it is. */
  readonly tick?: Date;
  /** The latest scheduled time that the run has served, once it has ended so; nothing where it has to be run again. */
  readonly servedTo?: (end: RunStatus) => Promise<Date | undefined>;
  /** Only if a run of the job is queued. Default false. */
  readonly onlyQueued?: boolean;
}

/** How a job is run. */
export interface JobOptions extends LeaseOptions {
  /** Name of this process in the record. Default host name and process id. */
  readonly instance?: string;
  readonly occasion?: RunOccasion;
  /** Milliseconds that the records of ended runs are kept. Default 90 days. */
  readonly keepMs?: number;
}

/** Result of a run's work. */
export interface WorkDone<T> {
  readonly value: T;
  /** Kept in the record: counts and durations, no personal data. */
  readonly result?: Readonly<Record<string, unknown>>;
  /** It was told to stop before the end. */
  readonly interrupted: boolean;
}

/** Outcome of an attempt to run a job: its final record with the work's result or error, or the reason why it did not run. */
export type JobOutcome<T> =
  | { readonly ran: true; readonly record: RunRecord; readonly value: T }
  | { readonly ran: true; readonly record: RunRecord; readonly error: unknown }
  | { readonly ran: false; readonly reason: "done" | "nothing_queued" };

const defaultKeepMs = 90 * 86_400_000;

/**
 * Runs a job under its lease and with its record. A queued run of the job goes first; else an interrupted or failed one is
 * continued where the job can; else a new one is begun. What the work throws ends in the record and in the outcome.
 *
 * @throws {OptimizerError} `LOCKED` when another process holds the lease; `INVALID_OPTIONS`; as the server says when the
 * run cannot be begun
 */
export function attemptJob<T>(
  connection: Connection,
  identity: JobIdentity,
  options: JobOptions,
  work: (run: Run) => Promise<WorkDone<T>>,
): Promise<JobOutcome<T>> {
  const { leaseMs = defaultLeaseMs } = options;
  return withLease(connection, identity.job, options, async (signal, lease) => {
    const begun = await begin(connection, identity, lease, options);
    if (typeof begun === "string") return { ran: false, reason: begun };
    const run = new Run(begun, { connection, lease, leaseMs, signal });
    return settle(run, options, work);
  });
}

/** A job that is run now, in a run of its own or within one that the caller has begun. */
export interface WithinOptions extends Omit<JobOptions, "occasion"> {
  /** The run that the work is part of, whose lease and record it uses. Default: a run of its own. */
  readonly within?: Run;
}

/**
 * Runs a job now: like {@link attemptJob}, but throws what the work throws.
 *
 * @throws {OptimizerError} `LOCKED`, `INVALID_OPTIONS`, and what the work throws
 */
export async function runJob<T>(
  connection: Connection,
  identity: JobIdentity,
  { within, ...options }: WithinOptions,
  work: (run: Run) => Promise<WorkDone<T>>,
): Promise<T> {
  if (within) {
    const { value, result } = await work(within);
    within.keep({ result });
    return value;
  }
  const outcome = await attemptJob(connection, identity, options, work);
  if (!outcome.ran) throw new TypeError("a run without an occasion was not made");
  if ("error" in outcome) throw outcome.error;
  return outcome.value;
}

async function settle<T>(
  run: Run,
  options: JobOptions,
  work: (run: Run) => Promise<WorkDone<T>>,
): Promise<JobOutcome<T>> {
  try {
    const { value, result, interrupted } = await work(run);
    if (run.signal.reason instanceof OptimizerError) throw run.signal.reason;
    const record = await end(
      run,
      { state: interrupted ? "stopped" : "succeeded" },
      options,
      result && { result },
    );
    return { ran: true, record, value };
  } catch (error) {
    return { ran: true, record: await endByError(run, error, options), error };
  } finally {
    await run.close();
  }
}

async function endByError(run: Run, error: unknown, options: JobOptions): Promise<RunRecord> {
  const interrupted = toOptimizerError(error).code === "ABORTED";
  const described = describe(error);
  const failed = { ...run.record, state: "failed" as const, error: described };
  // The process that took over the run ends it. If the end cannot be written now, the next run detects it.
  if (isOptimizerError(error, "LEASE_LOST")) return failed;
  return end(run, interrupted ? { state: "stopped" } : { state: "failed", error: described }, options).catch(
    () => failed,
  );
}

async function end(run: Run, ending: RunEnding, options: JobOptions, data: RunData = {}): Promise<RunRecord> {
  const { occasion, keepMs = defaultKeepMs } = options;
  const { fencing } = run.lease;
  const servedTo = await occasion?.servedTo?.(nextStatus(run.record, { on: "end", fencing, with: ending }));
  const record = await run.end(ending, { ...data, ...(servedTo && { servedTo }) });
  await forgetOld(run.connection, record, keepMs).catch(() => undefined);
  return record;
}

/** @param keepMs milliseconds from the end of a run. The last scheduled time that was served is not forgotten. */
async function forgetOld(
  connection: Connection,
  { _id, job, servedTo }: RunRecord,
  keepMs: number,
): Promise<void> {
  const runs = runsOf(connection);
  const before = new Date((await serverTime(runs.db)).getTime() - keepMs);
  const old = { _id: { $ne: _id }, job, state: { $in: [...endedStates] }, finishedAt: { $lt: before } };
  await runs.deleteMany(servedTo ? old : { ...old, servedTo: { $exists: false } });
}

function describe(error: unknown): { readonly code: string; readonly message: string } {
  const { name, code, message } = (error ?? {}) as { name?: unknown; code?: unknown; message?: unknown };
  const isDrivers = String(name).startsWith("Mongo");
  return {
    code: isDrivers ? toOptimizerError(error).code : String(code ?? "UNKNOWN"),
    message: String(message ?? error).slice(0, 500),
  };
}

async function begin(
  connection: Connection,
  identity: JobIdentity,
  lease: Lease,
  { instance = instanceName(), occasion = {}, signal }: JobOptions,
): Promise<RunRecord | "done" | "nothing_queued"> {
  const runs = runsOf(connection);
  const newest = { sort: { fencing: -1 }, projection: { fencing: 1 } } as const;
  const highest = await withRetries(() => runs.findOne({ job: identity.job }, newest), signal);
  await lease.raiseAbove(highest?.fencing ?? 0);
  const { fencing } = lease;
  const [id, take] = [newRunId(), { on: "take", instance, fencing } as const];
  return withRetries(async () => {
    // The holder of the lease knows that earlier holders have stopped.
    await noteLost(runs, identity.job, fencing);
    if (occasion.tick && (await isServed(runs, identity.job, occasion.tick))) return "done";
    // Begun already, and the answer was lost.
    const own = await runs.findOne({ job: identity.job, fencing });
    if (own) return own;
    const queued = await queuedRun(runs, identity);
    if (!queued && occasion.onlyQueued) return "nothing_queued";
    const open = queued ?? (identity.isResumable ? await unfinishedRun(runs, identity) : undefined);
    return open
      ? changeRun(runs, open, take)
      : newRun(runs, id, identity, { state: "running", instance, fencing });
  }, signal);
}

/** Notes runs of a job whose process is gone: those with a number below this one. */
export async function noteLost(runs: mongo.Collection<RunRecord>, job: string, below: number): Promise<void> {
  const gone = {
    job,
    state: { $in: [...heldStates] },
    ...(Number.isFinite(below) && { fencing: { $lt: below } }),
  };
  for (const run of await runs.find(gone).toArray()) await changeRun(runs, run, { on: "lose", below });
}

// A time that is yet to come was noted by a server whose clock was wrong.
async function isServed(runs: mongo.Collection<RunRecord>, job: string, tick: Date): Promise<boolean> {
  const served = { job, servedTo: { $gte: tick, $lte: await serverTime(runs.db) } };
  return (await runs.findOne(served, { projection: { _id: 1 } })) !== null;
}

async function queuedRun(runs: mongo.Collection<RunRecord>, { job, key = "" }: JobIdentity) {
  return (await runs.findOne({ job, key, state: "queued" }, { sort: { startedAt: 1 } })) ?? undefined;
}

/** The last run of the job, if it is unfinished and its work the same. */
async function unfinishedRun(runs: mongo.Collection<RunRecord>, { job, key = "" }: JobIdentity) {
  const last = await runs.findOne(
    { job, fencing: { $gt: 0 }, state: { $ne: "queued" } },
    { sort: { fencing: -1 } },
  );
  const isOpen = last?.state === "interrupted" || last?.state === "failed";
  return isOpen && last.key === key ? last : undefined;
}

/** An id that no other run has. */
export const newRunId = (): string => new mongo.ObjectId().toHexString();

/** Writes a new run down, with times by the database's clock. It may be repeated. */
export async function newRun(
  runs: mongo.Collection<RunRecord>,
  _id: string,
  { job, key = "" }: Omit<JobIdentity, "isResumable">,
  status: Pick<RunStatus, "state" | "instance" | "fencing">,
): Promise<RunRecord> {
  const fresh = { job, key, ...status, revision: 0, activeMs: 0, pausedMs: 0, steps: [], before: [] };
  const written = await runs.findOneAndUpdate(
    { _id },
    { $setOnInsert: fresh, $currentDate: { startedAt: true, seenAt: true } },
    { upsert: true, returnDocument: "after" },
  );
  return written as RunRecord;
}
