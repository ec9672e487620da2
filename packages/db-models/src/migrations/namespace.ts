import { operationsOf, type Shared } from "../context/context.js";
import type { SessionCheck } from "../sessions/check/answer.js";
import { validateLegacySession } from "./legacy-tokens.js";
import { MigratingSessions } from "./migrating-sessions.js";
import type { SessionGate } from "./types.js";

/** Moving to these models from others. */
export interface Migrations {
  /**
   * Sessions while they move from one layout to the other, by the phase that the gate knows.
   *
   * @param source - collection of the old layout. Default `legacy_users`.
   *
   * @example
   * const sessions = identity.migrations.sessionsThrough(new MigrationGate(connection, sessionsMigration()));
   * const check = await sessions.validate(request.cookies.session);
   */
  sessionsThrough(gate: SessionGate, source?: string): MigratingSessions;
  /**
   * Decides whether a cookie of the old layout stands for a live session of `user_sessions`, as `sessions.validate` does:
   * for a service whose migration is over, until the last of those sessions has expired.
   *
   * @param token - as presented; anything that is no such token is refused, never thrown at.
   * @throws IdentityError `SCHEMA_TOO_NEW`.
   */
  validateLegacySession(token: unknown): Promise<SessionCheck>;
}

export function migrationsOf(identity: Shared): Migrations {
  const on = operationsOf(identity);
  return {
    sessionsThrough: (gate, source) => new MigratingSessions(identity, gate, source),
    validateLegacySession: on(validateLegacySession),
  };
}
