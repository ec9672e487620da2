import type { HydratedDocument } from "mongoose";
import type { SessionPolicy } from "./core/policies/sessions.js";
import type { IdentityModels } from "./schemas/models.js";
import type { RevocationReason, UserSessionDocument } from "./schemas/user-session.js";
import { refreshSession } from "./sessions/refresh.js";
import { revokeSession } from "./sessions/revoke.js";
import type { RefreshResult, SessionUse } from "./sessions/types.js";
import { incrementApiUsage } from "./sessions/usage.js";

type SessionDocument = HydratedDocument<UserSessionDocument>;

/** The methods, bound to the models of one connection. */
export function sessionMethods(models: IdentityModels): SessionMethods {
  return {
    refreshSession(token, now, policy) {
      return refreshSession(models, token, now, policy);
    },
    terminate(this: SessionDocument, now: Date, reason?: RevocationReason) {
      return revokeSession(
        models,
        { userId: this.userId, sessionId: this._id, ...(reason && { reason }) },
        now,
      );
    },
    incrementApiUsage(this: SessionDocument, use: SessionUse, now: Date) {
      return incrementApiUsage(models, this._id, use, now);
    },
  } as SessionMethods;
}

/** Methods of a session document; each calls the function of the same name. */
export interface SessionMethods {
  /** Rotates the token; the presented one is needed, because the document knows only its hash. */
  refreshSession(token: string, now: Date, policy?: Partial<SessionPolicy>): Promise<RefreshResult>;
  /** Ends the session. True when this call ended it. */
  terminate(now: Date, reason?: RevocationReason): Promise<boolean>;
  incrementApiUsage(use: SessionUse, now: Date): Promise<void>;
}
