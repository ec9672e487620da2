import type { Types } from "mongoose";
import type { IdentityModels } from "../schemas/models.js";

/**
 * Which of these users are still there, by one read: what was counted in memory must not bring back somebody who was
 * erased meanwhile. An erasure closes the account before it removes anything.
 */
export async function remainingUsers(
  { User }: IdentityModels,
  entries: readonly { userId: Types.ObjectId }[],
): Promise<ReadonlySet<string>> {
  const ids = new Map(entries.map(({ userId }) => [userId.toHexString(), userId]));
  const there = { _id: { $in: [...ids.values()] }, status: { $ne: "deleted" } };
  const users = await User.collection.find(there, { projection: { _id: 1 } }).toArray();
  return new Set(users.map(({ _id }) => String(_id)));
}
