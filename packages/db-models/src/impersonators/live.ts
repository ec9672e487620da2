import type { Types } from "mongoose";
import type { Context } from "../context/context.js";
import type { AdministratorRole } from "../core/administrator-roles.js";
import { administratorsOf } from "../queries/administrators.js";
import { queries } from "../queries/queries.js";
import { findByQuery } from "../queries/run-query.js";
import type { Administrator } from "../schemas/administrator-register.js";
import type { Impersonation, RevocationReason, UserSessionDocument } from "../schemas/user-session.js";
import { isLive } from "../stored/session.js";

/** Why an impersonation is over, whether or not its session was ended for it. */
export type ImpersonationEnd = Extract<RevocationReason, "actor_signed_out" | "actor_not_allowed">;

/** A session that is an impersonation. */
interface Impersonated {
  userId: Types.ObjectId;
  impersonation?: Pick<Impersonation, "actor" | "actorSession">;
}

type ActorSession = Pick<
  UserSessionDocument,
  "revokedAt" | "idleExpiresAt" | "createdAt" | "absoluteLifetimeMs" | "impersonation"
>;

const projection = {
  revokedAt: 1,
  idleExpiresAt: 1,
  createdAt: 1,
  absoluteLifetimeMs: 1,
  "impersonation.actor": 1,
} as const;

/**
 * Whether who acts for a user may not go on: by their own session and the register, as both are now. Nothing has to end an
 * impersonation for it to be over.
 */
export async function endOfImpersonation(
  { models, now }: Pick<Context, "models" | "now">,
  { userId, impersonation }: Impersonated,
): Promise<ImpersonationEnd | undefined> {
  if (!impersonation) return undefined;
  const { actor, actorSession } = impersonation;
  const [own, members] = await Promise.all([
    findByQuery(models, queries.sessionById({ ownerId: actor, id: actorSession }), projection),
    administratorsOf(models),
  ]);
  if (!mayImpersonate(members, { actor, userId })) return "actor_not_allowed";
  return isOwnSession(own, now) ? undefined : "actor_signed_out";
}

/** Whether a session is live and its owner's own: nobody acts for a user from where they act for another one. */
export function isOwnSession(session: ActorSession | undefined, now: Date): session is ActorSession {
  return session !== undefined && isLive(session, now) && !session.impersonation;
}

/** Whether somebody has the role, and the user none of the admin area: not an equal one, not a higher one. */
export function mayImpersonate(
  members: readonly Administrator[],
  { actor, userId }: { actor: Types.ObjectId; userId: Types.ObjectId },
): boolean {
  const role = "identity:impersonator" satisfies AdministratorRole;
  const isImpersonator = members.some((one) => one.userId.equals(actor) && one.roles.includes(role));
  return isImpersonator && !members.some((one) => one.userId.equals(userId));
}
