// The database of a connection.
import type { Connection, mongo } from "mongoose";
import { OptimizerError } from "../errors.js";

/**
 * The database handle behind a connection that is open.
 *
 * @throws {OptimizerError} `INVALID_OPTIONS` for anything else
 */
export function databaseOf(connection: Connection): mongo.Db {
  if (connection?.db) return connection.db;
  assertConnection(connection);
  throw new OptimizerError(
    "INVALID_OPTIONS",
    "The connection is not open: wait for it with await connection.asPromise()",
  );
}

/**
 * Returns its argument if it is a connection of Mongoose, open or not.
 *
 * @throws {OptimizerError} `INVALID_OPTIONS`
 */
export function assertConnection(connection: Connection): Connection {
  if (typeof connection?.collection === "function") return connection;
  throw new OptimizerError(
    "INVALID_OPTIONS",
    "Needs a connection of Mongoose, such as mongoose.connection, or mongoose.createConnection(uri)",
  );
}
