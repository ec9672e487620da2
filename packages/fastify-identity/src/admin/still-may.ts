import { requireAssurance } from "../flows/account/assurance.js";
import { IdentityProblem } from "../flows/problems.js";
import type { ActingNow } from "./acting.js";
import { type Permission, permissionsFor } from "./permissions.js";

/** What was found holds for so long. */
const foundForMs = 1_000;

/**
 * Whether an administrator may still do what they began with: their session is live, its proofs are good, and their roles
 * allow it. Asking is no use of the session, which that would keep alive.
 */
export function stillMay(
  { service, settings, session }: ActingNow,
  permission: Permission,
): () => Promise<boolean> {
  const { identity, clock } = service;
  const { userId } = session;
  let foundAt = clock.now().getTime();
  return async () => {
    const now = clock.now().getTime();
    if (now - foundAt < foundForMs) return true;
    const [live, administrator] = await Promise.all([
      identity.sessions.list({ userId }),
      identity.administrators.read({ userId }),
    ]);
    if (!live.some(({ id }) => id.equals(session.id))) return false;
    if (!permissionsFor(administrator?.roles ?? [], settings).has(permission)) return false;
    try {
      await requireAssurance(service, session, { acr: 2, maxAgeMs: settings.signInMs });
    } catch (error) {
      if (error instanceof IdentityProblem) return false;
      throw error;
    }
    foundAt = now;
    return true;
  };
}
