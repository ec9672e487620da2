import type { Connection, mongo } from "mongoose";
import { databaseOf } from "./indexes/inspect.js";

/**
 * A collection of this package's own records. It is read where it is written, whatever the connection prefers: a lease,
 * a run or a journal as it was a moment ago would be acted on.
 */
export function ownCollection<T extends mongo.Document>(
  connection: Connection,
  name: string,
): mongo.Collection<T> {
  return databaseOf(connection).collection<T>(name, { readPreference: "primary" });
}
