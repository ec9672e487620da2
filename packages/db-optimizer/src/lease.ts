import { randomUUID } from "node:crypto";
import type { Connection, mongo } from "mongoose";

import { OptimizerError } from "./errors.js";
import { databaseOf } from "./indexes/inspect.js";
import { pause } from "./pause.js";

const leaseCollection = "org_db_leases";

interface LeaseDocument {
  _id: string;
  owner: string;
  expiresAt: Date;
  /** Grows with every new holder. */
  fencing: number;
}

/** How a lease is asked for. */
export interface LeaseOptions {
  /** Milliseconds to wait for another holder. Default 0: fail at once. */
  readonly waitMs?: number;
  readonly signal?: AbortSignal;
}

type Leases = mongo.Collection<LeaseDocument>;

// Three beats fit into a lease, so that two may fail before another process takes over.
const leaseMs = 60_000;
const beatMs = 20_000;
const retryMs = 250;

/**
 * Runs something that only one process at a time may do. The server's clock decides; a holder that dies loses the
 * lease after a minute. The signal given to `run` is aborted when the lease is lost or the caller's signal is.
 *
 * @throws {OptimizerError} `LOCKED` when another process holds the lease, `LEASE_LOST`
 */
export async function withLease<T>(
  connection: Connection,
  name: string,
  options: LeaseOptions,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const leases = databaseOf(connection).collection<LeaseDocument>(leaseCollection);
  const owner = randomUUID();
  await acquire(leases, name, owner, options);
  const lost = new AbortController();
  const beat = setInterval(() => {
    renew(leases, name, owner).catch((error: unknown) => lost.abort(error));
  }, beatMs).unref();
  const signals = [lost.signal, ...(options.signal ? [options.signal] : [])];
  try {
    return await run(AbortSignal.any(signals));
  } finally {
    clearInterval(beat);
    // A lease that cannot be given back runs out by itself.
    await leases.updateOne({ _id: name, owner }, { $set: { expiresAt: new Date(0) } }).catch(() => undefined);
  }
}

async function acquire(
  leases: Leases,
  name: string,
  owner: string,
  { waitMs = 0, signal }: LeaseOptions,
): Promise<void> {
  for (let waited = 0; ; waited += retryMs) {
    if (await tryAcquire(leases, name, owner)) return;
    if (waited >= waitMs) throw await lockedError(leases, name);
    await pause(retryMs, signal);
  }
}

async function lockedError(leases: Leases, name: string): Promise<OptimizerError> {
  const expiresAt = (await leases.findOne({ _id: name }))?.expiresAt;
  const until = expiresAt ? `; it runs out at ${expiresAt.toISOString()} unless renewed` : "";
  return new OptimizerError("LOCKED", `Another process holds the lease "${name}"${until}`, {
    details: { lease: name, expiresAt },
  });
}

// One atomic upsert: while the lease is held the filter finds nothing, and the insert that follows is a duplicate.
async function tryAcquire(leases: Leases, name: string, owner: string): Promise<boolean> {
  const now = await serverTime(leases);
  try {
    await leases.updateOne(
      { _id: name, expiresAt: { $lt: now } },
      { $set: { owner, expiresAt: new Date(now.getTime() + leaseMs) }, $inc: { fencing: 1 } },
      { upsert: true },
    );
    return true;
  } catch (error) {
    if ((error as { code?: unknown }).code === 11000) return false;
    throw error;
  }
}

// The clocks of the processes may differ; the server's is the same for all.
async function serverTime(leases: Leases): Promise<Date> {
  const { localTime } = await leases.db.command({ hello: 1 });
  return localTime as Date;
}

async function renew(leases: Leases, name: string, owner: string): Promise<void> {
  const expiresAt = new Date((await serverTime(leases)).getTime() + leaseMs);
  const { matchedCount } = await leases.updateOne({ _id: name, owner }, { $set: { expiresAt } });
  if (matchedCount === 0) {
    throw new OptimizerError("LEASE_LOST", `Another process took the lease "${name}" over`);
  }
}
