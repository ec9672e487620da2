import type { HydratedDocument } from "mongoose";
import type { RevocationReason, UserSessionDocument } from "./schemas/user-session.js";
import type { Sessions } from "./sessions/namespace.js";
import type { RefreshResult, SessionUse } from "./sessions/types.js";

/** Methods of a session document of an identity object; each calls the operation of that object. */
export interface SessionMethods {
  /** Rotates the token; the presented one is needed, because the document knows only its hash. */
  refreshSession(token: string): Promise<RefreshResult>;
  /** Ends the session. True when this call ended it. */
  terminate(reason?: RevocationReason): Promise<boolean>;
  incrementApiUsage(use: SessionUse): Promise<void>;
}

type Session = HydratedDocument<UserSessionDocument>;

/** The methods, bound to the operations of one identity object. */
export function sessionMethods(
  sessions: Pick<Sessions, "refresh" | "revoke" | "incrementApiUsage">,
): SessionMethods & ThisType<Session> {
  return {
    refreshSession(token) {
      return sessions.refresh(token);
    },
    terminate(reason) {
      return sessions.revoke({ userId: this.userId, sessionId: this._id, ...(reason && { reason }) });
    },
    incrementApiUsage(use) {
      return sessions.incrementApiUsage({ ...use, userId: this.userId, sessionId: this._id });
    },
  };
}
