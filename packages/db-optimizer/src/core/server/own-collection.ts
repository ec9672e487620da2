// Collections of this package's own: read from the primary, written with majority.
import type { Connection, mongo } from "mongoose";
import { asStored } from "../bson/exact.js";
import { databaseOf } from "./database.js";

/**
 * For reads that decide something: they go where is written, whatever the connection prefers. What another member says may
 * be from a moment ago. What they find may be anybody's, patterns included.
 */
export const primary = { readPreference: "primary", ...asStored } as const;

/** Milliseconds that a write of a record of this package waits for the majority: one that holds data may be down. */
export const majorityWaitMs = 30_000;

/**
 * For writes that must survive the primary. Bounded: with a member down, that of a set with an arbiter say, a majority may
 * never come together, and the server would wait for ever.
 */
export const majority = { w: "majority", wtimeoutMS: majorityWaitMs } as const;

/**
 * A collection of this package's own records, whatever the connection says: read where it is written, and what the majority
 * has. A lease, a run or a journal as it was a moment ago, or that a failover takes back, would be acted on.
 */
export function ownCollection<T extends mongo.Document>(
  connection: Connection,
  name: string,
): mongo.Collection<T> {
  return databaseOf(connection).collection<T>(name, {
    ...primary,
    readConcern: { level: "majority" },
    writeConcern: majority,
  });
}
