// The one record of a run, kept in the database, and the one way to change it: by the state machine, compared and set.
import type { Connection, mongo } from "mongoose";
import { OptimizerError } from "../core/errors.js";
import { ownCollection } from "../core/server/own-collection.js";
import { endedStates, nextStatus, type RunEvent, type RunStatus } from "./run-state.js";
import type { RunProgress, StepState } from "./step.js";

const runCollection = "org_db_runs";

/** One run of a job. Collection `org_db_runs`. Times are by the database's clock. */
export interface RunRecord extends RunStatus {
  readonly _id: string;
  /** Name of the job, such as `cleanup` or `migrate:sessions`; also the name of its lease. */
  readonly job: string;
  /** Tells runs of one job with different work apart: a run is gone on with only under the same key. */
  readonly key: string;
  /** Grows with every change: what compare-and-set compares. */
  readonly revision: number;
  /** When it was begun or queued. */
  readonly startedAt: Date;
  /** The last checkpoint. */
  readonly seenAt: Date;
  readonly finishedAt?: Date | undefined;
  /** Milliseconds at work and in waits, over all the processes that went on with it. */
  readonly activeMs: number;
  readonly pausedMs: number;
  readonly steps: readonly StepState[];
  /** As of the last checkpoint; absent before there was one. */
  readonly progress?: RunProgress | undefined;
  readonly result?: Readonly<Record<string, unknown>> | undefined;
  /** The latest scheduled time that the run has served. */
  readonly servedTo?: Date | undefined;
}

/** Fields that a holder writes beside the status. */
export type RunData = Partial<
  Pick<RunRecord, "activeMs" | "pausedMs" | "steps" | "progress" | "result" | "servedTo">
>;

/** The collection that runs are kept in. */
export function runsOf(connection: Connection): mongo.Collection<RunRecord> {
  return ownCollection<RunRecord>(connection, runCollection);
}

/**
 * Makes the indexes that reads of the history use: the latest runs of a job, and the scheduled times that it has served.
 * It may be repeated; a database that keeps few runs needs none.
 */
export async function prepareRuns(connection: Connection): Promise<void> {
  await runsOf(connection).createIndexes([
    { key: { job: 1, startedAt: -1 }, name: "job_newest" },
    { key: { job: 1, servedTo: -1 }, name: "job_served" },
  ]);
}

/**
 * Changes a run by the state machine: compared and set, and again when somebody else has changed it meanwhile.
 *
 * @param known the run as it was when it was last seen, which saves a read if it has not changed
 * @throws {OptimizerError} `RUN_NOT_FOUND`, and what {@link nextStatus} throws
 */
export async function changeRun(
  runs: mongo.Collection<RunRecord>,
  known: RunRecord | string,
  event: RunEvent,
  data: RunData = {},
): Promise<RunRecord> {
  const id = typeof known === "string" ? known : known._id;
  let run = typeof known === "string" ? await findRun(runs, id) : known;
  for (;;) {
    const status = nextStatus(run, event);
    if (status === run) return run;
    const own = { _id: id, revision: run.revision };
    const written = await runs.findOneAndUpdate(own, updateOf(run, event, status, data), {
      returnDocument: "after",
    });
    if (written) return written;
    run = await findRun(runs, id);
  }
}

/** @throws {OptimizerError} `RUN_NOT_FOUND` */
export async function findRun(runs: mongo.Collection<RunRecord>, id: string): Promise<RunRecord> {
  const run = await runs.findOne({ _id: id });
  if (run) return run;
  throw new OptimizerError("RUN_NOT_FOUND", `There is no run ${id}`);
}

const statusFields = [
  "state",
  "reason",
  "detail",
  "remedy",
  "wanted",
  "wantedBy",
  "instance",
  "fencing",
  "before",
  "error",
] as const;

function updateOf(
  run: RunRecord,
  event: RunEvent,
  status: RunStatus,
  data: RunData,
): mongo.UpdateFilter<RunRecord> {
  const fields = statusFields.map((field) => [field, status[field]] as const);
  const given = Object.entries(data).filter(([, value]) => value !== undefined);
  const gone = fields.filter(([field, value]) => value === undefined && run[field] !== undefined);
  const isReopened = endedStates.includes(run.state) && !endedStates.includes(status.state);
  const unset = [...gone.map(([field]) => field), ...(isReopened ? ["finishedAt", "result"] : [])];
  const stamps = stampsOf(run, event, status);
  return {
    $set: Object.fromEntries([...fields.filter(([, value]) => value !== undefined), ...given]),
    $inc: { revision: 1 },
    ...(stamps.length > 0 && { $currentDate: Object.fromEntries(stamps.map((field) => [field, true])) }),
    ...(unset.length > 0 && { $unset: Object.fromEntries(unset.map((field) => [field, 1])) }),
  } as mongo.UpdateFilter<RunRecord>;
}

/** The times that an event sets, by the database's clock. */
function stampsOf(before: RunStatus, { on }: RunEvent, { state }: RunStatus): string[] {
  const isSeen = on === "take" || on === "work" || on === "wait" || on === "end";
  const isOver = endedStates.includes(state) && !endedStates.includes(before.state);
  return [
    ...(isSeen ? ["seenAt"] : []),
    ...(isOver ? ["finishedAt"] : []),
    ...(on === "take" && before.state === "queued" ? ["startedAt"] : []),
  ];
}
