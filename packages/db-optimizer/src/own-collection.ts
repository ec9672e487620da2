import type { Connection, mongo } from "mongoose";
import { databaseOf } from "./indexes/inspect.js";

/**
 * For reads that decide something: they go where is written, whatever the connection prefers. What another member says may
 * be from a moment ago.
 */
export const primary = { readPreference: "primary" } as const;

/**
 * A collection of this package's own records, which is read where it is written: a lease, a run or a journal as it was a
 * moment ago would be acted on.
 */
export function ownCollection<T extends mongo.Document>(
  connection: Connection,
  name: string,
): mongo.Collection<T> {
  return databaseOf(connection).collection<T>(name, primary);
}
