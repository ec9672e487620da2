import type { Types } from "mongoose";
import type { Impersonation, RevocationReason, UserSessionDocument } from "../schemas/user-session.js";
import { absoluteExpiryOf } from "../stored/session.js";

/** An impersonation, as administrators see it. */
export interface ImpersonationSummary extends Pick<Impersonation, "actor" | "reason"> {
  /** That of its session. */
  id: Types.ObjectId;
  userId: Types.ObjectId;
  startedAt: Date;
  /** When it ends in any case. */
  expiresAt: Date;
  /** Absent as long as it goes on. */
  ended?: { at: Date; why: RevocationReason };
}

/** One that has ended. */
export type EndedImpersonation = ImpersonationSummary & Required<Pick<ImpersonationSummary, "ended">>;

export type StoredImpersonation = UserSessionDocument & Required<Pick<UserSessionDocument, "impersonation">>;

export function summarise(session: StoredImpersonation): ImpersonationSummary {
  const { _id: id, userId, createdAt, revokedAt, revocationReason, impersonation } = session;
  const { actor, reason } = impersonation;
  const expiresAt = absoluteExpiryOf(session);
  const why = revocationReason ?? "signed_out";
  const summary = { id, userId, actor, reason, startedAt: createdAt, expiresAt };
  return revokedAt ? { ...summary, ended: { at: revokedAt, why } } : summary;
}
