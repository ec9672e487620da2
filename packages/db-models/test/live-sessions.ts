import { setTimeout } from "node:timers/promises";
import type { Types } from "mongoose";
import type { IdentityModels } from "../src/index.js";
import { listSessions } from "../src/sessions/list.js";
import { contextAt } from "./context.js";

/**
 * How many sessions of a user are live, at one moment. Without a snapshot the server may count a session that leaves
 * its slot and, a little later in the same scan, the one that takes the slot over.
 */
export async function liveSessions(
  models: IdentityModels,
  userId: Types.ObjectId,
  at: Date,
): Promise<number> {
  const filter = { userId, slot: { $gte: 0 }, revokedAt: null, idleExpiresAt: { $gt: at } };
  const counted = await models.UserSession.collection
    .aggregate([{ $match: filter }, { $count: "sessions" }], { readConcern: { level: "snapshot" } })
    .next();
  return counted?.sessions ?? 0;
}

/** Counts and lists the live sessions over and over until told to stop, and returns the highest number seen. */
export function watchHighest(models: IdentityModels, userId: Types.ObjectId, at: Date) {
  let highest = 0;
  let watching = true;
  const watched = (async () => {
    while (watching) {
      const [counted, listed] = await Promise.all([
        liveSessions(models, userId, at),
        listSessions(contextAt(models, at), { userId }),
      ]);
      highest = Math.max(highest, counted, listed.length);
      await setTimeout(1);
    }
  })();
  return async () => {
    watching = false;
    await watched;
    return highest;
  };
}
