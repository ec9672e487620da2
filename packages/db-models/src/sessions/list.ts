import type { Types } from "mongoose";
import type { Context } from "../context/context.js";
import { queries } from "../queries/queries.js";
import { runQuery } from "../queries/run-query.js";
import type { Device, GeoLocation, Impersonation, RiskAssessment } from "../schemas/user-session.js";
import { readSession, type Session } from "../stored/session.js";
import { refusalOf } from "./check/judge.js";

/** A session as its owner sees it: nothing in it is a secret. */
export interface SessionSummary {
  id: Types.ObjectId;
  device: Device;
  ip?: string;
  location?: GeoLocation;
  createdAt: Date;
  lastSeenAt: Date;
  idleExpiresAt: Date;
  absoluteExpiresAt: Date;
  requests: number;
  /** Of a session in which an administrator acts for the user: why. */
  impersonation?: Pick<Impersonation, "reason">;
  /** How the session is judged now. */
  risk: Pick<RiskAssessment, "level" | "reasons">;
}

const projection = {
  userAgent: 1,
  ip: 1,
  location: 1,
  createdAt: 1,
  lastSeenAt: 1,
  idleExpiresAt: 1,
  absoluteLifetimeMs: 1,
  revokedAt: 1,
  "apiUsage.requests": 1,
  "risk.level": 1,
  "risk.reasons": 1,
  slot: 1,
  "impersonation.reason": 1,
} as const;

export async function listSessions(
  context: Context,
  { userId }: { userId: Types.ObjectId },
): Promise<SessionSummary[]> {
  const { models, now } = context;
  const found = await runQuery(models, queries.slotsOfUser(userId), projection);
  // At most as many as the cap: to sort them here is cheaper than an index that every use of a session has to move.
  const live = found.map(readSession).filter((session) => refusalOf(session, now) === undefined);
  return [...newestBySlot(live).values()]
    .sort((left, right) => right.idleExpiresAt.getTime() - left.idleExpiresAt.getTime())
    .map(summarise);
}

/**
 * Who holds each slot. A read without a snapshot may find a session and, a little later, the one that took its slot
 * over: the newer one holds it.
 */
function newestBySlot(found: readonly Session[]) {
  const holders = new Map<number | undefined, Session>();
  for (const session of found) {
    const known = holders.get(session.slot);
    if (!known || known.createdAt < session.createdAt) holders.set(session.slot, session);
  }
  return holders;
}

/** The parts of a session that its owner sees. */
export function summarise(session: Session): SessionSummary {
  return {
    id: session._id,
    device: session.device,
    ...(session.ip && { ip: session.ip }),
    ...(session.location && { location: session.location }),
    createdAt: session.createdAt,
    lastSeenAt: session.lastSeenAt,
    idleExpiresAt: session.idleExpiresAt,
    absoluteExpiresAt: session.absoluteExpiresAt,
    requests: session.apiUsage.requests,
    ...(session.impersonation && { impersonation: { reason: session.impersonation.reason } }),
    risk: { level: session.risk.level, reasons: session.risk.reasons },
  };
}
