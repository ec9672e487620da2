import type { Connection } from "mongoose";
import { type IdentityModels, modelsOf } from "./schemas/models.js";

/**
 * Binds the models to a connection. Nothing is sent to the server, and a second call for the same connection
 * returns the same models. Documents of an identity object have methods too: see `openIdentity`.
 *
 * Whatever the connection string says, these models read from the primary and write with `w: "majority"`: a secondary
 * that lags would let a revoked session live on. A query that may be stale says so itself, with `read("secondary")`.
 *
 * @example
 * const models = defineModels(mongoose.createConnection(uri));
 * await models.User.findOne({ email: "ada@example.com" });
 */
export function defineModels(connection: Connection): IdentityModels {
  return modelsOf(connection);
}
