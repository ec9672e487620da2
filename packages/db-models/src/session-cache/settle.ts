import { setTimeout as wait } from "node:timers/promises";
import type { IdentityModels } from "../schemas/models.js";

/**
 * Waits until no instance accepts from memory what was revoked before the call: as long as the longest bound of those that
 * have said that they are there.
 */
export async function settleRevocations(models: IdentityModels, ownBoundMs: number): Promise<void> {
  const slowest = await models.CacheHeartbeat.collection.findOne(
    {},
    { projection: { boundMs: 1 }, sort: { boundMs: -1 } },
  );
  // A timer may fire a millisecond early.
  await wait(Math.max(ownBoundMs, Number(slowest?.boundMs ?? 0)) + 1);
}
