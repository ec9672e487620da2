// The lease of a job: one holder at a time, with a fencing number, by the clock of the database.
import { randomUUID } from "node:crypto";
import type { Connection, mongo } from "mongoose";
import { isDuplicate, isOptimizerError, OptimizerError, toOptimizerError } from "../core/errors.js";
import { type Moment, msSince, thisMoment } from "../core/moment.js";
import { pause } from "../core/pause.js";
import { majorityWaitMs, ownCollection } from "../core/server/own-collection.js";
import { serverTime } from "../core/server/time.js";
import { withRetries } from "../core/server/transient.js";

const leaseCollection = "org_db_leases";

interface LeaseDocument {
  _id: string;
  /** Empty once it was given back. */
  owner: string;
  expiresAt: Date;
  /** How long it lasts from a sign of life on. */
  leaseMs: number;
  /** Grows with every new holder. */
  fencing: number;
}

/** How a lease is asked for. */
export interface LeaseOptions {
  /** Milliseconds to wait for another holder. Default 0: fail at once. */
  readonly waitMs?: number;
  /** Milliseconds without a sign of life after which another process may take over. Default 60,000, at least 500. */
  readonly leaseMs?: number;
  readonly signal?: AbortSignal;
}

/** A lease that is held. */
export interface Lease {
  /** Grows with every holder: what carries a lower number comes from a holder that was replaced. */
  readonly fencing: number;
  /**
   * Raises the number above one that an earlier holder has stored elsewhere. The numbers start again from 1 if the leases'
   * collection was emptied, by a restore for example.
   *
   * @throws {OptimizerError} `LEASE_LOST`
   */
  raiseAbove(fencing: number): Promise<void>;
  /**
   * Asks the server whether the lease is still held, and prolongs it. To be called right before every write that
   * only the holder may do: a process that slept learns here, and nowhere earlier, that another took over.
   *
   * @throws {OptimizerError} `LEASE_LOST`
   */
  confirm(): Promise<void>;
  /**
   * Like `confirm`, but asks nothing while the server's last word is younger than half of the lease: before that has
   * run out nobody else can have it. For writes that bear repetition and are followed by one that the fencing guards.
   *
   * @throws {OptimizerError} `LEASE_LOST`
   */
  confirmIfStale(): Promise<void>;
}

type Leases = mongo.Collection<LeaseDocument>;

const leasesOf = (connection: Connection): Leases =>
  ownCollection<LeaseDocument>(connection, leaseCollection);

/** Default of {@link LeaseOptions.leaseMs}. */
export const defaultLeaseMs = 60_000;
const shortestLeaseMs = 500;
// Three beats fit into a lease, so that two may fail before another process takes over.
const beatsPerLease = 3;
const retryMs = 250;

/**
 * Runs something that only one process at a time may do. The server's clock decides; a holder that dies loses the
 * lease after `leaseMs`. The signal given to `run` is aborted when the lease is lost or the caller's signal is.
 *
 * @throws {OptimizerError} `LOCKED` when another process holds the lease, `LEASE_LOST`, `INVALID_OPTIONS`
 */
export async function withLease<T>(
  connection: Connection,
  name: string,
  options: LeaseOptions,
  run: (signal: AbortSignal, lease: Lease) => Promise<T>,
): Promise<T> {
  const { leaseMs = defaultLeaseMs } = options;
  if (!(leaseMs >= shortestLeaseMs))
    throw new OptimizerError("INVALID_OPTIONS", `leaseMs is ${leaseMs}: it takes ${shortestLeaseMs} or more`);
  const leases = leasesOf(connection);
  const holding: Holding = { name, owner: randomUUID(), leaseMs, heardAt: thisMoment(), fencing: 0 };
  holding.fencing = await acquire(leases, holding, options).catch(async (error) => {
    // The majority may not have confirmed what the primary has: nobody else is to wait for a lease that nobody holds.
    if (toOptimizerError(error).code === "TIMED_OUT") await release(leases, holding).catch(() => undefined);
    throw error;
  });
  const confirm = () => renew(leases, holding);
  const confirmIfStale = async () => {
    if (msSince(holding.heardAt) > leaseMs / 2) await confirm();
  };
  const raiseAbove = async (number: number) => {
    if (holding.fencing > number) return;
    await renew(leases, holding, number + 1);
    holding.fencing = number + 1;
  };
  const lost = new AbortController();
  const beat = keepAlive(leases, holding, lost);
  const signals = [lost.signal, ...(options.signal ? [options.signal] : [])];
  try {
    const lease: Lease = {
      get fencing() {
        return holding.fencing;
      },
      confirm,
      confirmIfStale,
      raiseAbove,
    };
    return await run(AbortSignal.any(signals), lease);
  } finally {
    clearInterval(beat);
    // A lease that cannot be given back runs out by itself.
    await release(leases, holding).catch(() => undefined);
  }
}

// A renewal that is under way finds no holder, and does not bring the lease back.
async function release(leases: Leases, { name, owner }: Holding): Promise<void> {
  await leases.updateOne(
    { _id: name, owner },
    { $set: { owner: "", expiresAt: new Date(0) } },
    { writeConcern: { w: 1 } },
  );
}

// A write that waits for longer than the lease lasts says nothing any more.
const confirmed = ({ leaseMs }: Holding) =>
  ({ writeConcern: { w: "majority", wtimeoutMS: Math.min(leaseMs, majorityWaitMs) } }) as const;

interface Holding {
  readonly name: string;
  readonly owner: string;
  readonly leaseMs: number;
  /** When the server was last asked and said that it is held. */
  heardAt: Moment;
  fencing: number;
}

// A beat that the network swallows is not the end: the lease is lost when it has run out, or somebody has it.
function keepAlive(leases: Leases, holding: Holding, lost: AbortController): NodeJS.Timeout {
  const beat = async () => {
    try {
      await renew(leases, holding);
    } catch (error) {
      const over = msSince(holding.heardAt) > holding.leaseMs;
      if (isOptimizerError(error, "LEASE_LOST")) lost.abort(error);
      else if (over)
        lost.abort(new OptimizerError("LEASE_LOST", `The lease "${holding.name}" ran out`, { cause: error }));
    }
  };
  return setInterval(() => void beat(), holding.leaseMs / beatsPerLease).unref();
}

/** When the lease that somebody holds at this moment runs out; nothing when it is free. Reads only. */
export async function leaseHeldUntil(connection: Connection, name: string): Promise<Date | undefined> {
  const leases = leasesOf(connection);
  const held = await leases.findOne({ _id: name });
  return held && held.expiresAt > (await serverTime(leases.db)) ? held.expiresAt : undefined;
}

/** The lowest fencing number of a holder that may be alive: holders with a lower one were replaced, or their lease expired. */
export async function lowestLiving(connection: Connection, name: string): Promise<number> {
  const leases = leasesOf(connection);
  const lease = await leases.findOne({ _id: name });
  if (!lease) return Number.POSITIVE_INFINITY;
  return lease.expiresAt > (await serverTime(leases.db)) ? lease.fencing : lease.fencing + 1;
}

async function acquire(
  leases: Leases,
  holding: Holding,
  { waitMs = 0, signal }: LeaseOptions,
): Promise<number> {
  for (let waited = 0; ; waited += retryMs) {
    const fencing = await withRetries(() => tryAcquire(leases, holding), signal);
    if (fencing !== undefined) return fencing;
    await withRetries(() => shorten(leases, holding.name), signal);
    if (waited >= waitMs) throw await withRetries(() => lockedError(leases, holding.name), signal);
    await pause(retryMs, signal);
  }
}

/**
 * A clock that was set back leaves a lease that ends later than any sign of life by this clock would let it: from now on
 * it lasts as long as if its holder had just given one, so that a living holder keeps it and a dead one loses it.
 */
async function shorten(leases: Leases, name: string): Promise<void> {
  const held = await leases.findOne({ _id: name });
  if (!held) return;
  const { owner, expiresAt, leaseMs } = held;
  const latest = (await serverTime(leases.db)).getTime() + leaseMs;
  if (expiresAt.getTime() <= latest + leaseMs) return;
  await leases.updateOne({ _id: name, owner, expiresAt }, { $set: { expiresAt: new Date(latest) } });
}

async function lockedError(leases: Leases, name: string): Promise<OptimizerError> {
  const expiresAt = (await leases.findOne({ _id: name }))?.expiresAt;
  const until = expiresAt ? `; it runs out at ${expiresAt.toISOString()} unless renewed` : "";
  return new OptimizerError("LOCKED", `Another process holds the lease "${name}"${until}`, {
    details: { lease: name, expiresAt },
  });
}

// One atomic upsert: while another holds the lease the filter finds nothing, and the insert that follows is a duplicate.
// Asked once more, because the answer was lost, it finds itself the holder.
async function tryAcquire(leases: Leases, holding: Holding): Promise<number | undefined> {
  const { name, owner, leaseMs } = holding;
  const asked = thisMoment();
  const now = await serverTime(leases.db);
  try {
    const held = await leases.findOneAndUpdate(
      { _id: name, $or: [{ expiresAt: { $lt: now } }, { owner }] },
      { $set: { owner, leaseMs, expiresAt: new Date(now.getTime() + leaseMs) }, $inc: { fencing: 1 } },
      { upsert: true, returnDocument: "after", ...confirmed(holding) },
    );
    holding.heardAt = asked;
    return held?.fencing;
  } catch (error) {
    if (isDuplicate(error)) return undefined;
    throw error;
  }
}

/** @param fencing the number that it gets at least. Default that which it has */
async function renew(leases: Leases, holding: Holding, fencing = holding.fencing): Promise<void> {
  const { name, owner, leaseMs } = holding;
  // It counts from before the question: the answer may be as old as that.
  const asked = thisMoment();
  const expiresAt = new Date((await serverTime(leases.db)).getTime() + leaseMs);
  const { matchedCount } = await leases.updateOne(
    { _id: name, owner },
    { $set: { expiresAt }, $max: { fencing } },
    confirmed(holding),
  );
  if (matchedCount === 0) {
    throw new OptimizerError("LEASE_LOST", `Another process took the lease "${name}" over`);
  }
  holding.heardAt = asked;
}
