import type { Connection, Types } from "mongoose";
import type { IdentityModels } from "../schemas/models.js";

const turnsOf = new WeakMap<Connection, Map<string, Promise<unknown>>>();

/**
 * Does something for a user when what this process did for the same user before is done. It decides nothing: the
 * server does, for other processes do not wait. It spares the server the attempts that logins of one process would
 * lose to each other.
 */
export async function inTurn<T>(
  models: IdentityModels,
  userId: Types.ObjectId,
  act: () => Promise<T>,
): Promise<T> {
  const turns = turnsOf.get(models.User.db) ?? new Map<string, Promise<unknown>>();
  turnsOf.set(models.User.db, turns);
  const key = userId.toHexString();
  const turn = (turns.get(key) ?? Promise.resolve()).then(act);
  const over = turn.catch(() => undefined);
  turns.set(key, over);
  try {
    return await turn;
  } finally {
    if (turns.get(key) === over) turns.delete(key);
  }
}
