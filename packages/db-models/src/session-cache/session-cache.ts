import { duration } from "../core/limits.js";
import type { IdentityModels } from "../schemas/models.js";
import { TrustedCache } from "./cache.js";
import { systemClocks, type TrustClocks } from "./clocks.js";
import type { CacheCounts } from "./counts.js";
import { Follower, type FollowerState } from "./follower.js";
import type { SessionCacheSettings } from "./options.js";
import type { Reach } from "./own-writes.js";
import type { ReadApiKey, RememberedAccessToken, RememberedSession } from "./remembered.js";
import { Table } from "./table.js";

/** What a session cache does, for monitoring. */
export interface SessionCacheMetrics extends CacheCounts {
  /**
   * `streaming`: heartbeats prove what memory says. `starting`, `lost` and the reasons why there is no stream here
   * (`standalone`, `sharded`, `not_permitted`): entries rest on their own read.
   */
  readonly state: FollowerState;
  /** Whether memory rests on a heartbeat at this moment. */
  readonly trusted: boolean;
  /** Age of the newest heartbeat that came back, in milliseconds; absent before the first. */
  readonly echoAgeMs?: number;
  readonly entries: number;
  /** Size of the entries as BSON. */
  readonly bytes: number;
  /** Entries that made room for others. */
  readonly evicted: number;
}

const idleMs = 10 * duration.second;

/** The memory of an identity object, and its link to the server. */
export class SessionCache {
  readonly #cache: TrustedCache;
  readonly #follower: Follower;
  readonly sessions: Table<RememberedSession>;
  readonly apiKeys: Table<ReadApiKey>;
  readonly accessTokens: Table<RememberedAccessToken>;

  constructor(
    uri: string,
    settings: SessionCacheSettings,
    onError: (error: unknown) => void,
    clocks: TrustClocks = systemClocks,
  ) {
    const { revocationBoundMs: boundMs, proof, maxEntries, maxBytes } = settings;
    this.#cache = new TrustedCache({ boundMs, proof, maxEntries, maxBytes, idleMs }, clocks);
    this.#follower = new Follower(uri, this.#cache, onError);
    this.sessions = new Table(this.#cache);
    this.apiKeys = new Table(this.#cache);
    this.accessTokens = new Table(this.#cache);
  }

  get boundMs(): number {
    return this.#cache.rules.boundMs;
  }

  /** @param models - of the connection that checks read by, which is open. */
  start({ CacheHeartbeat }: Pick<IdentityModels, "CacheHeartbeat">): void {
    const { collection, db } = CacheHeartbeat;
    this.#follower.start({
      database: db.name,
      seesHeartbeat: async (_id) => (await collection.findOne({ _id }, { projection: { _id: 1 } })) !== null,
    });
  }

  /** Drops what a write of this process reaches. */
  readonly invalidate = (reach: Reach): void => this.#cache.invalidate(reach);

  /** A use of a session was not written, as somebody had changed it. */
  readonly noteUntouched = (): void => {
    this.#cache.counts.untouched += 1;
  };

  metrics(): SessionCacheMetrics {
    const { trust, clocks, counts, size } = this.#cache;
    const now = clocks.now();
    const { echo } = trust;
    return {
      ...counts,
      misses: { ...counts.misses },
      ...size,
      state: this.#follower.state,
      trusted: echo !== undefined && trust.covers(echo, now),
      ...(echo && { echoAgeMs: now.monotonic - echo.monotonic }),
    };
  }

  close(): Promise<void> {
    return this.#follower.close();
  }
}
