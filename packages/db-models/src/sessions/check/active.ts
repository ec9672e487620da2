// The facts about a session that a service receives.
import type { Types } from "mongoose";
import {
  type AssuranceLevel,
  type AuthenticationMethod,
  amrOf,
  assuranceOf,
  type Proof,
} from "../../core/assurance.js";
import type { RiskAssessment } from "../../schemas/user-session.js";
import type { RememberedSession } from "../../session-cache/remembered.js";
import type { CheckedSession } from "./judge.js";

/** Facts about the session of a request. */
export interface ActiveSession {
  id: Types.ObjectId;
  userId: Types.ObjectId;
  roles: string[];
  scopes: string[];
  risk: RiskAssessment;
  /** When the user last proved who they are. */
  authenticatedAt: Date;
  /** The user's proofs in this session, each method with its last time. */
  proofs: Proof[];
  /** The methods of {@link proofs} in RFC 8176's values. */
  amr: AuthenticationMethod[];
  /** The level that {@link proofs} reach together. */
  acr: AssuranceLevel;
  /** The administrator who acts for the user in this session; absent in the user's own. */
  actor?: Types.ObjectId;
  /** The administrator's own session from which they act. */
  actorSession?: Types.ObjectId;
  createdAt: Date;
  /** The cookie's expiry: it and the document end together. */
  idleExpiresAt: Date;
  absoluteExpiresAt: Date;
}

/** A session that was accepted, from a read or from memory. */
export type AcceptedSession = Omit<RememberedSession, "replacedAt"> & Pick<CheckedSession, "impersonation">;

/** The facts about a session that a service receives: copies, so that nothing it does to them gets into memory. */
export function activeSession(session: AcceptedSession, touchedExpiry: Date | undefined): ActiveSession {
  const { risk, proofs = [] } = session;
  return {
    id: session._id,
    userId: session.userId,
    roles: [...session.roles],
    scopes: [...session.scopes],
    risk: { ...risk, reasons: [...risk.reasons] },
    authenticatedAt: new Date(session.authenticatedAt),
    proofs: proofs.map(({ method, at }) => ({ method, at: new Date(at) })),
    amr: amrOf(proofs),
    acr: assuranceOf(proofs),
    ...(session.impersonation && {
      actor: session.impersonation.actor,
      actorSession: session.impersonation.actorSession,
    }),
    createdAt: new Date(session.createdAt),
    idleExpiresAt: new Date(touchedExpiry ?? session.idleExpiresAt),
    absoluteExpiresAt: new Date(session.absoluteExpiresAt),
  };
}
