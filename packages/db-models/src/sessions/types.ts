import type { Types } from "mongoose";
import type { RevocationReason } from "../schemas/user-session.js";
import type { SessionPolicy } from "./policy.js";

/**
 * Why a token is refused. `malformed` costs no read. `rotated` is a token that its session has replaced, after the
 * grace interval.
 */
export type SessionRefusal =
  | "malformed"
  | "unknown"
  | "rotated"
  | "revoked"
  | "idle_expired"
  | "absolute_expired";

export type RefreshResult =
  | {
      refreshed: true;
      sessionId: Types.ObjectId;
      userId: Types.ObjectId;
      /** The token to use from now on. */
      token: string;
      /** True when this call was a retry of a rotation that had already happened. */
      retried: boolean;
      idleExpiresAt: Date;
      absoluteExpiresAt: Date;
    }
  | { refreshed: false; reason: SessionRefusal | "reused" };

export interface SessionUse {
  endpoint: string;
  /** Requests to add. Default 1. */
  requests?: number;
  /** How many of them failed. Default 0. */
  failures?: number;
}

/** Methods of a session document; each calls the function of the same name. */
export interface SessionMethods {
  /** Rotates the token; the presented one is needed, because the document knows only its hash. */
  refreshSession(token: string, now: Date, policy?: Partial<SessionPolicy>): Promise<RefreshResult>;
  /** Ends the session. True when this call ended it. */
  terminate(now: Date, reason?: RevocationReason): Promise<boolean>;
  incrementApiUsage(use: SessionUse, now: Date): Promise<void>;
}
