import type { Types } from "mongoose";
import { limits } from "../core/limits.js";
import { defaultRetention, type Retention } from "../core/policies/retention.js";
import { storableText } from "../core/text.js";
import { WriteBehind } from "../core/write-behind.js";
import { remainingUsers } from "../queries/remaining-users.js";
import { type Unwritten, writeEach } from "../queries/write-each.js";
import type { IdentityModels } from "../schemas/models.js";
import { HeavyHitters } from "./heavy-hitters.js";
import {
  bucketUpdates,
  intervalStart,
  type PendingUse,
  sessionUpdates,
  type UseCount,
  userUpdates,
} from "./updates.js";

/** One request that a user made. */
export interface ApiUse {
  userId: Types.ObjectId;
  /** Given when the request came in a session, to count it there too. */
  sessionId?: Types.ObjectId;
  /** The route's pattern, such as `GET /sessions/:id`; not the URL, which has no bound. */
  endpoint: string;
  failed?: boolean;
}

export interface UsageRecorderOptions {
  /** How long the counts are kept. Default: that of a database of which nothing else is said. */
  retention?: Retention;
  /** Users with unwritten counts, of each hour apart, at which the recorder writes by itself. Default 1,000. */
  maxUsers?: number;
  /** Milliseconds after the first unwritten request at which the recorder writes by itself. Default: the owner calls `flush`. */
  flushIntervalMs?: number;
  /** Told when a flush failed, with the requests that are lost by it: a flush is never repeated, to count nothing twice. */
  onError?: (error: unknown, lostRequests: number) => void;
}

/** Sessions of one user that are counted apart between two flushes; more are counted for the user only. */
const maxSessionsPerUser = limits.concurrentSessions;

/**
 * Counts API use in memory and writes it in groups, so that a request costs no write. Memory is bounded by
 * `maxUsers` times the bounds per user. A crash loses what was not flushed. Its timer keeps no process alive.
 *
 * @example
 * const usage = new UsageRecorder(models, { flushIntervalMs: 5_000 });
 * usage.record({ userId, endpoint: "GET /profile" }, new Date());
 * await usage.flush(); // at shutdown
 */
export class UsageRecorder {
  readonly #models: IdentityModels;
  readonly #retention: Retention;
  readonly #pending: WriteBehind<PendingUse>;

  constructor(models: IdentityModels, options: UsageRecorderOptions = {}) {
    this.#models = models;
    this.#retention = options.retention ?? defaultRetention;
    this.#pending = new WriteBehind(
      (batch) => this.#write(batch),
      (error, batch) =>
        options.onError?.(
          error,
          batch.reduce((sum, { requests }) => sum + requests, 0),
        ),
      { maxEntries: options.maxUsers ?? 1_000, intervalMs: options.flushIntervalMs },
    );
  }

  /** Counts one request; never waits and never throws. */
  record(use: ApiUse, now: Date): void {
    const pending = this.#pendingOf(use.userId, now);
    const endpoint = storableText(use.endpoint, limits.endpoint);
    pending.at = now;
    add(pending, use);
    pending.endpoints.add(endpoint, use.failed ?? false);
    if (use.sessionId) this.#recordSession(pending, use.sessionId, endpoint, use);
    this.#pending.changed();
  }

  /** Writes everything counted so far; resolves when it, and every flush before it, is done. */
  flush(): Promise<void> {
    return this.#pending.flush();
  }

  // Requests count in the hour in which they were made, however long they wait for a flush.
  #pendingOf(userId: Types.ObjectId, now: Date): PendingUse {
    const hour = intervalStart("hour", now).getTime();
    return this.#pending.entryOf(`${userId.toHexString()} ${hour}`, () => ({
      userId,
      at: now,
      requests: 0,
      failures: 0,
      endpoints: new HeavyHitters(limits.bucketEndpoints),
      sessions: new Map(),
    }));
  }

  #recordSession(pending: PendingUse, id: Types.ObjectId, endpoint: string, use: ApiUse): void {
    const fresh = () => ({ requests: 0, failures: 0, id, lastEndpoint: endpoint });
    const counted = addBounded(pending.sessions, id.toHexString(), maxSessionsPerUser, use, fresh);
    if (counted) counted.lastEndpoint = endpoint;
  }

  async #write(counted: PendingUse[]): Promise<Unwritten<PendingUse>> {
    const { User, UserSession, UsageBucket } = this.#models;
    const unwritten: Unwritten<PendingUse> = new Map();
    const remaining = await remainingUsers(this.#models, counted);
    const batch = counted.filter(({ userId }) => remaining.has(userId.toHexString()));
    await writeEach(UsageBucket.collection, bucketUpdates(batch, this.#retention), unwritten);
    await writeEach(User.collection, userUpdates(batch), unwritten);
    await writeEach(UserSession.collection, sessionUpdates(batch), unwritten);
    return unwritten;
  }
}

function add(total: UseCount, use: ApiUse): void {
  total.requests += 1;
  if (use.failed) total.failures += 1;
}

/** Adds under a key unless that would be one key too many. */
function addBounded<C extends UseCount>(
  counts: Map<string, C>,
  key: string,
  max: number,
  use: ApiUse,
  fresh: () => C,
): C | undefined {
  const count = counts.get(key) ?? (counts.size < max ? fresh() : undefined);
  if (!count) return undefined;
  counts.set(key, count);
  add(count, use);
  return count;
}
