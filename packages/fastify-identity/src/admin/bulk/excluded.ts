import type { Administrator, ExcludedUser } from "@org/db-models";
import type { Types } from "mongoose";
import type { Acting } from "../acting.js";
import { permissionsFor } from "../permissions.js";

type Who = Pick<Acting, "userId" | "permissions">;

/**
 * Whom a job of an administrator leaves out: themself, and every administrator but those who may do less, where they manage
 * administrators. For one user at a time the rule is milder: nobody looks at each of ten thousand.
 */
export function excludedBy(who: Who, administrators: readonly Administrator[]): ExcludedUser[] {
  return [
    { userId: who.userId, code: "own_account" },
    ...administrators
      .filter(({ userId, roles }) => !userId.equals(who.userId) && !isBelow(who, roles))
      .map(({ userId }) => ({ userId, code: "administrator" })),
  ];
}

/** Why a user is left out; `undefined` for one who is not. */
export function exclusionOf(
  who: Who,
  administrators: readonly Administrator[],
  userId: Types.ObjectId,
): string | undefined {
  return excludedBy(who, administrators).find((one) => one.userId.equals(userId))?.code;
}

function isBelow({ permissions }: Who, roles: Administrator["roles"]): boolean {
  return (
    permissions.has("administrators:write") &&
    !permissionsFor(roles, { impersonation: false }).has("administrators:write")
  );
}
