import type { Connection } from "mongoose";
import { OptimizerError, toOptimizerError } from "../core/errors.js";
import { leaseHeldUntil } from "../jobs/lease.js";
import { type CleanupRun, runsOf, unfinished, whoAmI } from "./run-store.js";

/** Name of the lease that a cleanup holds while it writes. */
export const cleanupLease = "cleanup";

/** The last cleanups, the newest first, with where each is and why it waits. Reads only. */
export async function cleanupRuns(connection: Connection, limit = 20): Promise<CleanupRun[]> {
  try {
    return await runsOf(connection).find().sort({ _id: -1 }).limit(limit).toArray();
  } catch (error) {
    throw toOptimizerError(error, "Cannot read the runs");
  }
}

/**
 * Asks the cleanup that runs, in whatever process, for something: it answers between two batches. A pause outlives the
 * process and holds for whoever goes on with the run. What no process runs any more is cancelled at once.
 *
 * @param by who asks. Default: host name and process id
 * @returns the run as it is now
 * @throws {OptimizerError} `NO_RUN` when the last run has ended, or there is none
 */
export async function controlCleanup(
  connection: Connection,
  command: "pause" | "resume" | "cancel",
  by: string = whoAmI(),
): Promise<CleanupRun> {
  try {
    const runs = runsOf(connection);
    const last = await runs.findOne({}, { sort: { _id: -1 } });
    const open = { _id: last?._id ?? "", state: { $in: [...unfinished] } };
    const change =
      command === "resume"
        ? ({ $unset: { wanted: 1, wantedBy: 1 } } as const)
        : { $set: { wanted: command, wantedBy: by } };
    const asked = await runs.findOneAndUpdate(open, change, { returnDocument: "after" });
    if (!asked) throw new OptimizerError("NO_RUN", `There is no unfinished cleanup to ${command}`);
    if (command !== "cancel" || (await leaseHeldUntil(connection, cleanupLease))) return asked;
    // A process that takes the run up meanwhile changes the number, and finds what is wanted.
    const dead = { ...open, fencing: asked.fencing };
    const end = { $set: { state: "cancelled", endedAt: new Date() } } as const;
    return (await runs.findOneAndUpdate(dead, end, { returnDocument: "after" })) ?? asked;
  } catch (error) {
    throw toOptimizerError(error, `Cannot ${command} the cleanup`);
  }
}
