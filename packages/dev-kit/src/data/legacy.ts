import { addressText } from "./addresses.js";
import type { Generation, Person } from "./people.js";
import { emailOf } from "./users.js";

/**
 * A user as many applications have it: the sessions embedded, the tokens as they were handed out, nothing that
 * removes what has expired. Collection `legacy_users`.
 */
export function legacyUserDocument(
  generation: Generation,
  person: Person,
  sessions: Iterable<Record<string, unknown>>,
): Record<string, unknown> {
  return {
    _id: person.id,
    email: emailOf(person),
    name: `${person.firstName} ${person.lastName}`,
    createdAt: person.createdAt,
    sessions: Array.from(sessions, (session) => legacySession(person, session)),
    updatedAt: generation.now,
  };
}

function legacySession({ random }: Person, session: Record<string, unknown>): Record<string, unknown> {
  const { _id, userAgent, ip, createdAt, lastSeenAt, idleExpiresAt, revokedAt } = session;
  return {
    _id,
    token: random.bytes(32).toString("hex"),
    userAgent,
    ip: addressText(ip as Buffer),
    createdAt,
    lastActivity: lastSeenAt,
    expiresAt: idleExpiresAt,
    active: revokedAt === undefined,
  };
}
