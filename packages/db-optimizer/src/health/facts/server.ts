// Figures of `serverStatus`.
import type { mongo } from "mongoose";

import type { Document } from "../../core/model.js";
import type { OperationCount, ServerFacts } from "./facts.js";

/**
 * Asks the server how busy it is.
 *
 * @param before when its operations were last counted
 */
export async function probeServer(db: mongo.Db, before: OperationCount | undefined): Promise<ServerFacts> {
  return serverFactsOf((await db.command({ serverStatus: 1 })) as Document, before);
}

/** Load figures from `serverStatus`; those that a version or a service leaves out are absent. Pure. */
export function serverFactsOf(status: Document, before?: OperationCount): ServerFacts {
  const { current = 0, available = 0 } = (status.connections ?? {}) as Document;
  const queued = queuedOf(status);
  const { currentInactive: idle } = (status.transactions ?? {}) as Document;
  return {
    connections: Number(current),
    // Zero means that the server does not report the figure: this request has a connection.
    ...(Number(available) > 0 && { connectionsAvailable: Number(available) }),
    ...cacheFactsOf(((status.wiredTiger as Document | undefined)?.cache ?? {}) as Document),
    ...(queued !== undefined && { queued }),
    ...(idle !== undefined && { idleTransactions: Number(idle) }),
    uptimeSeconds: Number(status.uptime ?? 0),
    ...operationFactsOf(status, before),
  };
}

/** Readings of one start differ by what the server's clock was corrected meanwhile. */
const sameStartMs = 60_000;
const countedOperations = ["insert", "query", "update", "delete"];

function operationFactsOf({ opcounters, uptimeMillis, localTime }: Document, before?: OperationCount) {
  const upMs = Number(uptimeMillis);
  const operations = countedOperations.reduce(
    (sum, kind) => sum + Number((opcounters as Document | undefined)?.[kind]),
    0,
  );
  if (!(Number.isFinite(operations) && Number.isFinite(upMs) && localTime instanceof Date)) return {};
  const counted = { operations, upMs, startedAt: new Date(localTime.getTime() - upMs) };
  const perSecond = before && rateSince(before, counted);
  return { counted, ...(perSecond !== undefined && { operationsPerSecond: perSecond }) };
}

function rateSince(before: OperationCount, after: OperationCount): number | undefined {
  const overMs = after.upMs - before.upMs;
  const more = after.operations - before.operations;
  const isSame = Math.abs(after.startedAt.getTime() - before.startedAt.getTime()) < sameStartMs;
  return isSame && overMs > 0 && more >= 0 ? (more / overMs) * 1_000 : undefined;
}

function cacheFactsOf(cache: Document) {
  const used = Number(cache["bytes currently in the cache"]);
  const dirty = Number(cache["tracked dirty bytes in the cache"]);
  const maximum = Number(cache["maximum bytes configured"]);
  const read = Number(cache["pages read into cache"]);
  const requested = Number(cache["pages requested from the cache"]);
  return {
    ...(used >= 0 && maximum > 0 && { cacheUsedRatio: used / maximum }),
    ...(dirty >= 0 && maximum > 0 && { cacheDirtyRatio: dirty / maximum }),
    ...(read >= 0 && requested > 0 && { cacheHitRatio: Math.max(0, 1 - read / requested) }),
  };
}

// Since 8.0 the server tells of its queues by kind; before, of all that waits for the global lock.
function queuedOf({ queues, globalLock }: Document): number | undefined {
  const execution = (queues as Document | undefined)?.execution as Document | undefined;
  if (execution) {
    const kinds = [execution.read, execution.write].map((kind) => (kind ?? {}) as Document);
    const priorities = kinds.flatMap(({ normalPriority, lowPriority }) => [normalPriority, lowPriority]);
    const waiting = priorities.map((one) => Number((one as Document | undefined)?.queueLength ?? 0));
    return waiting.reduce((sum, length) => sum + length, 0);
  }
  const { total } = ((globalLock as Document | undefined)?.currentQueue ?? {}) as Document;
  return total === undefined ? undefined : Number(total);
}
