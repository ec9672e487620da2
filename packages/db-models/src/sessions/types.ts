import type { Types } from "mongoose";

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
      ok: true;
      sessionId: Types.ObjectId;
      userId: Types.ObjectId;
      /** The token to use from now on. */
      token: string;
      /** True when this call was a retry of a rotation that had already happened. */
      retried: boolean;
      idleExpiresAt: Date;
      absoluteExpiresAt: Date;
    }
  | {
      ok: false;
      /** `impersonated`: the session is an administrator's, who acts for the user; its token is never replaced. */
      reason: SessionRefusal | "reused" | "impersonated";
    };

export interface SessionUse {
  endpoint: string;
  /** Requests to add. Default 1. */
  requests?: number;
  /** How many of them failed. Default 0. */
  failures?: number;
}
