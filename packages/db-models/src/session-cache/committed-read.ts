import type { Collection, mongo } from "mongoose";
import type { LogPosition } from "./cache.js";

/** A read whose result may be kept: what it saw can't be rolled back, and is no older than a place in the log. */
export interface CommittedReadOptions {
  readonly readConcern: { readonly level: "majority" };
  readonly maxTimeMS: number;
  readonly session?: mongo.ClientSession;
}

/** MaxTimeMSExpired, InvalidOptions (a member that has not heard of that time), ReadConcernMajorityNotEnabled. */
const notCommitted: ReadonlySet<unknown> = new Set([50, 72, 148]);

/**
 * Reads what the majority has. A member that takes itself for the primary and no longer is would hand back what the stream
 * has already told is gone, and nothing would come to remove it.
 *
 * @param position - the read waits until the member is there; `undefined` without a stream.
 * @param read - is given the options of the read.
 * @returns `undefined` where the member did not get there in time: the caller then reads as it would without memory.
 */
export async function readCommitted<T>(
  collection: Pick<Collection, "conn">,
  position: LogPosition | undefined,
  maxTimeMS: number,
  read: (options: CommittedReadOptions) => Promise<T>,
): Promise<{ readonly found: T } | undefined> {
  const committed = { readConcern: { level: "majority" }, maxTimeMS } as const;
  const session = position && sessionAt(collection.conn.getClient(), position);
  try {
    return { found: await read(session ? { ...committed, session } : committed) };
  } catch (error) {
    if (notCommitted.has((error as { code?: unknown } | null)?.code)) return undefined;
    throw error;
  } finally {
    await session?.endSession();
  }
}

function sessionAt(client: mongo.MongoClient, { clusterTime, signed }: LogPosition): mongo.ClientSession {
  const session = client.startSession({ causalConsistency: true });
  if (signed) session.advanceClusterTime(signed);
  session.advanceOperationTime(clusterTime);
  return session;
}
