import type { Connection, Model } from "mongoose";
import { type IdentityModels, modelsOf } from "./schemas/models.js";
import type { UserDocument } from "./schemas/user.js";
import type { UserSessionDocument } from "./schemas/user-session.js";
import { type SessionMethods, sessionMethods } from "./session-methods.js";
import { type UserMethods, userMethods } from "./user-methods.js";

/** The models, whose users and sessions have methods. */
export interface ModelsWithMethods extends IdentityModels {
  readonly User: Model<UserDocument, object, UserMethods>;
  readonly UserSession: Model<UserSessionDocument, object, SessionMethods>;
}

/**
 * Binds the models to a connection. Nothing is sent to the server, and a second call for the same connection
 * returns the same models.
 *
 * Whatever the connection string says, these models read from the primary and write with `w: "majority"`: a secondary
 * that lags would let a revoked session live on. A query that may be stale says so itself, with `read("secondary")`.
 *
 * @example
 * const models = defineModels(mongoose.createConnection(uri));
 * await models.User.findOne({ email: "ada@example.com" });
 */
export function defineModels(connection: Connection): ModelsWithMethods {
  const models = modelsOf(connection);
  // Here and not in the schemas, which know no operation.
  Object.assign(models.User.prototype, userMethods(models));
  Object.assign(models.UserSession.prototype, sessionMethods(models));
  return models as ModelsWithMethods;
}
