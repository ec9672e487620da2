import { limits } from "../core/limits.js";
import { defaultRetention } from "../core/policies/retention.js";
import { storableText } from "../core/text.js";
import { WriteBehind } from "../core/write-behind.js";
import { type Unwritten, writeEach } from "../queries/write-each.js";
import type { IdentityModels } from "../schemas/models.js";
import { HeavyHitters } from "./heavy-hitters.js";
import type { UsageRecorderOptions } from "./recorder.js";
import { bucketCounts, intervalStart, type UseCount } from "./updates.js";

/** One request that an OAuth app made, for itself or for a user. */
export interface AppUse {
  clientId: string;
  /** The route's pattern and, at the token endpoint, the grant, such as `POST /oauth/token refresh_token`. */
  endpoint: string;
  failed?: boolean;
}

interface PendingAppUse extends UseCount {
  readonly clientId: string;
  readonly startedAt: Date;
  readonly endpoints: HeavyHitters;
}

/** Counts the use of apps as `UsageRecorder` does that of users: in memory, written in groups, one update an app and day. */
export class AppUsageRecorder {
  readonly #pending: WriteBehind<PendingAppUse>;

  constructor(models: IdentityModels, options: Omit<UsageRecorderOptions, "maxUsers"> = {}) {
    const retention = options.retention ?? defaultRetention;
    const write = async (batch: PendingAppUse[]) => {
      const unwritten: Unwritten<PendingAppUse> = new Map();
      const updates = batch.map((use) => {
        const { clientId, startedAt } = use;
        const update = [{ $set: bucketCounts(use, "day", retention) }];
        const updateOne = { filter: { clientId, startedAt }, update, upsert: true };
        return { operation: { updateOne }, entries: [use] };
      });
      await writeEach(models.AppUsage.collection, updates, unwritten);
      return unwritten;
    };
    const lost = (batch: readonly PendingAppUse[]) => batch.reduce((sum, { requests }) => sum + requests, 0);
    this.#pending = new WriteBehind(write, (error, batch) => options.onError?.(error, lost(batch)), {
      maxEntries: 1_000,
      intervalMs: options.flushIntervalMs,
    });
  }

  /** Counts one request; never waits and never throws. */
  record({ clientId, endpoint, failed = false }: AppUse, now: Date): void {
    const startedAt = intervalStart("day", now);
    const pending = this.#pending.entryOf(`${clientId} ${startedAt.getTime()}`, () => ({
      clientId,
      startedAt,
      requests: 0,
      failures: 0,
      endpoints: new HeavyHitters(limits.bucketEndpoints),
    }));
    pending.requests += 1;
    if (failed) pending.failures += 1;
    pending.endpoints.add(storableText(endpoint, limits.endpoint), failed);
    this.#pending.changed();
  }

  flush(): Promise<void> {
    return this.#pending.flush();
  }
}
