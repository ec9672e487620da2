import type { QueryFilter, Types } from "mongoose";
import type { Context } from "../context/context.js";
import type { AdministratorRole } from "../core/administrator-roles.js";
import { impersonationSlot, type UserSessionDocument } from "../schemas/user-session.js";
import { endSessions } from "./revoke.js";

/** Ends that in which somebody acts for a user whose roles are others now: the protected ones may be among them. */
export function endChangedImpersonations(
  context: Context,
  { userId, roles }: { userId: Types.ObjectId; roles: string[] },
): Promise<void> {
  // Nobody acts for who has a role of the admin area: these are all that the session can have.
  return end(context, { userId, slot: impersonationSlot, roles: { $ne: roles } });
}

/**
 * Ends what these roles of the admin area do not allow any more: to act for others, and to be acted for. Each check refuses it
 * without that; but roles that are given back don't bring back what has ended.
 */
export async function endForbiddenImpersonations(
  context: Context,
  { userId, roles }: { userId: Types.ObjectId; roles: readonly AdministratorRole[] },
): Promise<void> {
  if (roles.length > 0) await end(context, { userId, slot: impersonationSlot });
  if (!roles.includes("identity:impersonator")) await end(context, { "impersonation.actor": userId });
}

/** What has expired ended by itself. */
async function end(context: Context, filter: QueryFilter<UserSessionDocument>): Promise<void> {
  await endSessions(context, { ...filter, idleExpiresAt: { $gt: context.now } }, "actor_not_allowed");
}
