import type { mongo } from "mongoose";

import type { Document } from "../model.js";
import type { ServerFacts } from "./facts.js";

/** Asks the server how busy it is. */
export async function probeServer(db: mongo.Db): Promise<ServerFacts> {
  return serverFactsOf((await db.command({ serverStatus: 1 })) as Document);
}

/** What `serverStatus` says of load; what a version or a service leaves out is absent. Pure. */
export function serverFactsOf(status: Document): ServerFacts {
  const { current = 0, available = 0 } = (status.connections ?? {}) as Document;
  const queued = queuedOf(status);
  const { currentInactive: idle } = (status.transactions ?? {}) as Document;
  return {
    connections: Number(current),
    // None at all is no answer: whoever got this one has a connection.
    ...(Number(available) > 0 && { connectionsAvailable: Number(available) }),
    ...cacheFactsOf(((status.wiredTiger as Document | undefined)?.cache ?? {}) as Document),
    ...(queued !== undefined && { queued }),
    ...(idle !== undefined && { idleTransactions: Number(idle) }),
    uptimeSeconds: Number(status.uptime ?? 0),
  };
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
