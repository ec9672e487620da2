import type { Types } from "mongoose";
import type { AuditInput } from "../audit/input.js";
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
export interface EndedImpersonation extends ImpersonationSummary {
  ended: NonNullable<ImpersonationSummary["ended"]>;
  /** What the audit trail is to say of it. */
  event: AuditInput;
}

export type StoredImpersonation = UserSessionDocument & Required<Pick<UserSessionDocument, "impersonation">>;

export function summarise(session: StoredImpersonation): ImpersonationSummary {
  const { _id: id, userId, createdAt, revokedAt, impersonation } = session;
  const { actor, reason } = impersonation;
  const expiresAt = absoluteExpiryOf(session);
  const summary = { id, userId, actor, reason, startedAt: createdAt, expiresAt };
  return revokedAt ? { ...summary, ended: endOf({ ...session, revokedAt }) } : summary;
}

export function endedOf(session: StoredImpersonation & { revokedAt: Date }): EndedImpersonation {
  const summary = summarise(session);
  const ended = endOf(session);
  return { ...summary, ended, event: endEvent(summary, ended.why) };
}

/** What has expired ended then, whatever came over its session later. */
function endOf(session: StoredImpersonation & { revokedAt: Date }): EndedImpersonation["ended"] {
  const { revokedAt, revocationReason = "signed_out" } = session;
  const expiresAt = absoluteExpiryOf(session);
  return revokedAt < expiresAt ? { at: revokedAt, why: revocationReason } : { at: expiresAt, why: "time_up" };
}

export const endAction = "admin.impersonation_ended";

/** The event of the trail that says that an impersonation has ended; its target is the session. */
export function endEvent(
  { id, actor: actorId, userId: subjectId, reason }: EndFacts,
  why: RevocationReason,
): AuditInput {
  const target = { targetType: "session", targetId: id.toHexString() };
  return { action: endAction, outcome: "success", actorId, subjectId, ...target, details: { reason, why } };
}

type EndFacts = Pick<ImpersonationSummary, "id" | "actor" | "userId" | "reason">;
