// The stored phase of a migration, and who changed it.
import type { Connection, mongo } from "mongoose";
import { isDuplicate, OptimizerError } from "../core/errors.js";
import { processName } from "../core/process-name.js";
import { databaseOf } from "../core/server/database.js";
import { ownCollection } from "../core/server/own-collection.js";
import { serverTime } from "../core/server/time.js";
import type { Lease } from "../jobs/lease.js";
import { type MigrationPhase, mayFollow } from "./phases.js";
import type { VerifyReport } from "./report.js";

const stateCollection = "org_db_migrations";
const historyLength = 100;

/** A change of phase: who made it and when. */
export interface PhaseChange {
  readonly from: MigrationPhase;
  readonly to: MigrationPhase;
  readonly at: Date;
  readonly by: string;
  /** Of the lease that it was made under. */
  readonly fencing: number;
}

/** The one document of a migration. */
export interface MigrationState {
  readonly _id: string;
  readonly phase: MigrationPhase;
  /** Grows with every change of phase: what compare-and-set compares. */
  readonly epoch: number;
  /** Highest fencing number that has written here; a lower one is refused. */
  readonly fencing: number;
  readonly changedAt: Date;
  /** False until every process must have seen the phase. */
  readonly seen: boolean;
  /** The work of the phase is done; absent until then. */
  readonly done?: boolean;
  /**
   * The new layout had nothing when the migration first began: what it has follows from the old one, or is to go. Absent
   * where it had.
   */
  readonly ownsTargets?: boolean;
  readonly switchedAt?: Date;
  /** The same moment by the server's clock: how long ago it was is told by both. */
  readonly switchedServerAt?: Date;
  readonly verification?: VerifyReport;
  /** The last 100 changes, the newest last. */
  readonly history: readonly PhaseChange[];
}

type States = mongo.Collection<MigrationState>;

const statesOf = (connection: Connection): States =>
  ownCollection<MigrationState>(connection, stateCollection);

/** The phase of a migration that nobody has started. */
const initialState = (name: string): MigrationState => ({
  _id: name,
  phase: "off",
  epoch: 0,
  fencing: 0,
  changedAt: new Date(0),
  seen: true,
  history: [],
});

/** Reads where a migration is. A phase is never read from where it could be rolled back. */
export async function readState(connection: Connection, name: string): Promise<MigrationState> {
  const found = await statesOf(connection).findOne({ _id: name });
  return found ?? initialState(name);
}

/**
 * Changes the phase by compare-and-set.
 *
 * @param ownsTargets is noted when it is true
 * @throws {OptimizerError} `MIGRATION_NOT_ALLOWED` where the phases do not follow; `LEASE_LOST` when another runner
 * has changed it
 */
export async function changePhase(
  connection: Connection,
  state: MigrationState,
  to: MigrationPhase,
  { lease, now, ownsTargets }: { lease: Lease; now: Date; ownsTargets?: boolean },
): Promise<MigrationState> {
  const { _id, phase: from, epoch } = state;
  if (!mayFollow(from, to))
    throw new OptimizerError("MIGRATION_NOT_ALLOWED", `Migration "${_id}" cannot go from ${from} to ${to}`);
  const change: PhaseChange = { from, to, at: now, by: processName(), fencing: lease.fencing };
  const switched =
    to === "switched"
      ? { switchedAt: now, switchedServerAt: await serverTime(databaseOf(connection)) }
      : undefined;
  const first = ownsTargets ? { ownsTargets } : undefined;
  await lease.confirm();
  return write(connection, { _id, epoch, fencing: { $lte: lease.fencing } }, epoch === 0, {
    $set: { phase: to, fencing: lease.fencing, changedAt: now, seen: false, ...switched, ...first },
    $inc: { epoch: 1 },
    // Once back, what was verified on the way up says nothing any more.
    $unset: { done: "", ...(["expand", "off"].includes(to) && { verification: "" }) },
    $push: { history: { $each: [change], $slice: -historyLength } },
  });
}

/**
 * Notes something in the state of a phase.
 *
 * @throws {OptimizerError} `LEASE_LOST` when another runner has taken over
 */
export function noteState(
  connection: Connection,
  { _id, epoch }: MigrationState,
  lease: Pick<Lease, "fencing">,
  change: Partial<Pick<MigrationState, "verification" | "seen" | "done">>,
): Promise<MigrationState> {
  const own = { _id, epoch, fencing: { $lte: lease.fencing } };
  return write(connection, own, false, { $set: { ...change, fencing: lease.fencing } });
}

async function write(
  connection: Connection,
  filter: mongo.Filter<MigrationState>,
  upsert: boolean,
  update: mongo.UpdateFilter<MigrationState>,
): Promise<MigrationState> {
  const lost = (cause?: unknown) =>
    new OptimizerError("LEASE_LOST", `Another process has changed the migration "${filter._id}"`, { cause });
  try {
    const written = await statesOf(connection).findOneAndUpdate(
      upsert ? { ...filter, epoch: { $exists: false }, fencing: { $exists: false } } : filter,
      update,
      { upsert, returnDocument: "after" },
    );
    if (written) return written;
  } catch (error) {
    if (isDuplicate(error)) throw lost(error);
    throw error;
  }
  throw lost();
}
