// The administrators, as decisions and lists read them.
import { Types } from "mongoose";
import type { Administrator } from "../schemas/administrator-register.js";
import type { IdentityModels } from "../schemas/models.js";
import { queries } from "./queries.js";
import { findEntries } from "./run-query.js";

/**
 * Those who have a role, and those whose entry is damaged: they have none, and stay protected as administrators are. The
 * damage is reported.
 */
export async function administratorsOf(models: IdentityModels): Promise<Administrator[]> {
  const register = await findEntries(models, queries.administratorRegister(), "members", withoutRoles);
  return register?.members ?? [];
}

/** An entry that names nobody is of nobody. */
function withoutRoles(entry: unknown): Administrator | undefined {
  const { userId } = (entry ?? {}) as { userId?: unknown };
  return userId instanceof Types.ObjectId ? { userId, roles: [], since: new Date(0) } : undefined;
}
