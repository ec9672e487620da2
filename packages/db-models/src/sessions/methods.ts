import type { HydratedDocument } from "mongoose";
import type { IdentityModels } from "../models.js";
import type { RevocationReason, UserSessionDocument } from "../schemas/user-session.js";
import { refreshSession } from "./refresh.js";
import { revokeSession } from "./revoke.js";
import type { SessionMethods, SessionUse } from "./types.js";
import { incrementApiUsage } from "./usage.js";

type SessionDocument = HydratedDocument<UserSessionDocument>;

/** The methods, bound to the models of one connection. */
export function sessionMethods(models: () => IdentityModels): SessionMethods {
  return {
    refreshSession(token, now, policy) {
      return refreshSession(models(), token, now, policy);
    },
    terminate(this: SessionDocument, now: Date, reason?: RevocationReason) {
      return revokeSession(
        models(),
        { userId: this.userId, sessionId: this._id, ...(reason && { reason }) },
        now,
      );
    },
    incrementApiUsage(this: SessionDocument, use: SessionUse, now: Date) {
      return incrementApiUsage(models(), this._id, use, now);
    },
  } as SessionMethods;
}
