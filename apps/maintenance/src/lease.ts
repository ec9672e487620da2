import { toOptimizerError } from "@org/db-optimizer";
import type { mongo } from "mongoose";

/** Who may run a job now. Collection `maintenance_leases`, one document a job. */
interface LeaseDocument {
  /** The job. */
  _id: string;
  owner: string | null;
  /** Rises with each acquisition, so that what an owner writes after losing the lease can be told apart. */
  fence: number;
  acquiredAt: Date;
  expiresAt: Date;
  /** The latest scheduled time that a run was finished for. */
  doneTick?: Date;
}

/** A lease in the hands of this process. */
export interface HeldLease {
  readonly job: string;
  readonly owner: string;
  readonly fence: number;
}

/** What became of the attempt to get a lease. */
export type Acquisition =
  | { acquired: true; lease: HeldLease }
  | { acquired: false; reason: "locked"; expiresAt: Date }
  | { acquired: false; reason: "done" };

/** What a lease needs to know of where it is kept. */
export interface LeaseStore {
  readonly collection: mongo.Collection<LeaseDocument>;
  /** The database server's time, which all instances share. */
  now(): Promise<Date>;
}

/** The leases of a database. */
export function leaseStore(db: mongo.Db): LeaseStore {
  return {
    collection: db.collection<LeaseDocument>("maintenance_leases"),
    now: async () => (await db.command({ hello: 1 })).localTime as Date,
  };
}

/**
 * Takes the lease of a job when nobody holds it, or its holder has let it run out: one atomic command.
 *
 * @param request.owner - unique among the processes that run now.
 * @param request.tick - the scheduled time of the run; once a run for it was finished, nobody gets the lease for it
 * again. Without one, only the lease counts.
 */
export async function acquireLease(
  store: LeaseStore,
  request: { job: string; owner: string; ttlMs: number; tick?: Date },
): Promise<Acquisition> {
  const { job, owner, ttlMs, tick } = request;
  const now = await store.now();
  // A time that is yet to come was noted by a server whose clock was wrong.
  const notDone = tick
    ? { $or: [{ doneTick: { $exists: false } }, { doneTick: { $lt: tick } }, { doneTick: { $gt: now } }] }
    : {};
  try {
    const lease = await store.collection.findOneAndUpdate(
      { _id: job, expiresAt: { $lte: now }, ...notDone },
      {
        $set: { owner, acquiredAt: now, expiresAt: new Date(now.getTime() + ttlMs) },
        $inc: { fence: 1 },
      },
      { upsert: true, returnDocument: "after" },
    );
    if (lease) return { acquired: true, lease: { job, owner, fence: lease.fence } };
  } catch (error) {
    // The lease exists and did not match, so the upsert tried to insert it a second time.
    if (toOptimizerError(error).code !== "DUPLICATES") throw error;
  }
  return whyNot(store, job, now, tick);
}

/** @returns false when the lease has been lost: somebody else may hold it now. */
export async function renewLease(store: LeaseStore, lease: HeldLease, ttlMs: number): Promise<boolean> {
  const now = await store.now();
  const { matchedCount } = await store.collection.updateOne(heldBy(lease, now), {
    $set: { expiresAt: new Date(now.getTime() + ttlMs) },
  });
  return matchedCount === 1;
}

/**
 * Gives the lease back, if it is still held.
 *
 * @param doneTick - the scheduled time that the run was for, when it need not be run again for it.
 */
export async function releaseLease(store: LeaseStore, lease: HeldLease, doneTick?: Date): Promise<void> {
  const now = await store.now();
  await store.collection.updateOne(heldBy(lease, now), {
    $set: { owner: null, expiresAt: new Date(0), ...(doneTick && { doneTick }) },
  });
}

/** The lowest number of a run that may still be at work: whatever carries a lower one has lost its process. */
export async function lowestLiving(store: LeaseStore, job: string): Promise<number> {
  const lease = await store.collection.findOne({ _id: job });
  if (!lease) return 0;
  return lease.expiresAt > (await store.now()) ? lease.fence : lease.fence + 1;
}

/** The latest scheduled time that a run of the job was finished for. */
export async function lastDoneTick(store: LeaseStore, job: string): Promise<Date | undefined> {
  return (await store.collection.findOne({ _id: job }))?.doneTick;
}

function heldBy({ job, owner, fence }: HeldLease, now: Date) {
  return { _id: job, owner, fence, expiresAt: { $gt: now } };
}

async function whyNot(store: LeaseStore, job: string, now: Date, tick?: Date): Promise<Acquisition> {
  const lease = await store.collection.findOne({ _id: job });
  if (lease && lease.expiresAt <= now && tick && lease.doneTick && lease.doneTick >= tick) {
    return { acquired: false, reason: "done" };
  }
  return { acquired: false, reason: "locked", expiresAt: lease?.expiresAt ?? now };
}
