// The answers of a session check.
import type { SessionRefusal } from "../types.js";
import { type AcceptedSession, type ActiveSession, activeSession } from "./active.js";

export type SessionCheck =
  | { ok: true; session: ActiveSession; touched: boolean }
  | { ok: false; reason: SessionRefusal };

export const malformed: SessionCheck = Object.freeze({ ok: false, reason: "malformed" });

/** A session that may go on, with its new expiry where this check noted its use. */
export function accepted(session: AcceptedSession, touchedExpiry: Date | undefined): SessionCheck {
  return { ok: true, session: activeSession(session, touchedExpiry), touched: touchedExpiry !== undefined };
}
