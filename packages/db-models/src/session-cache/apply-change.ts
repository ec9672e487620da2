import type { mongo } from "mongoose";
import type { TrustedCache } from "./cache.js";
import { type Change, effectOf, type HeartbeatOrigin } from "./changes.js";
import type { Heartbeats } from "./heartbeats.js";

/**
 * Applies a change that the stream delivered, in its order: an echo counts only once everything before it has been applied.
 *
 * @param signed - the cluster time that came with it.
 */
export function applyChange(
  cache: TrustedCache,
  heartbeats: Heartbeats,
  origin: HeartbeatOrigin,
  change: Change,
  signed: mongo.ClusterTime | undefined,
): void {
  const effect = effectOf(change, origin);
  cache.counts.events += 1;
  if (effect.kind === "drop") cache.invalidate(effect.subjects);
  if (effect.kind === "reset") cache.reset();
  const { clusterTime } = change;
  if (clusterTime) cache.applied({ clusterTime, signed });
  if (effect.kind !== "echo") return;
  const sentAt = heartbeats.returned(effect.number);
  if (sentAt) cache.echoed(sentAt);
}
