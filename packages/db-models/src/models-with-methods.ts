import type { Model } from "mongoose";
import type { IdentityModels } from "./schemas/models.js";
import type { UserDocument } from "./schemas/user.js";
import type { UserSessionDocument } from "./schemas/user-session.js";
import { type SessionMethods, sessionMethods } from "./session-methods.js";
import type { Sessions } from "./sessions/namespace.js";
import { type UserMethods, type UserOperations, userMethods } from "./user-methods.js";

/** The models of an identity object, whose users and sessions have methods. */
export interface ModelsWithMethods extends IdentityModels {
  readonly User: Model<UserDocument, object, UserMethods>;
  readonly UserSession: Model<UserSessionDocument, object, SessionMethods>;
}

/**
 * The models of a connection, with documents that call the operations of one identity object. Users and sessions are
 * subclasses of the connection's models, so several objects on one connection do not share their methods.
 */
export function withMethods(
  models: IdentityModels,
  operations: UserOperations & { readonly sessions: Sessions },
): ModelsWithMethods {
  return {
    ...models,
    User: extended(models.User, userMethods(operations)),
    UserSession: extended(models.UserSession, sessionMethods(operations.sessions)),
  };
}

type AnyModel = new (...values: never[]) => object;

function extended<D, M extends object>(model: Model<D>, methods: M): Model<D, object, M> {
  const Extended = class extends (model as AnyModel) {};
  Object.defineProperty(Extended, "name", { value: model.modelName });
  Object.assign(Extended.prototype, methods);
  return Extended as AnyModel as Model<D, object, M>;
}
