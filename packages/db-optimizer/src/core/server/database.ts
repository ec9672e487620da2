// The database of a connection.
import type { Connection, mongo } from "mongoose";
import { toOptimizerError } from "../errors.js";
/** The database handle behind a connection that is open. */
export function databaseOf(connection: Connection): mongo.Db {
  if (!connection.db) throw toOptimizerError(new Error("The connection is not open"));
  return connection.db;
}
