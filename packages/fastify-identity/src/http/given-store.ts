import type { FlowLog } from "../flows/flow-log.js";
import { OptionsError } from "../flows/options.js";
import { withTimeLimit } from "../flows/time-limit.js";

/** Requests of a window, and how long until it ends. */
interface CountedRequests {
  readonly current: number;
  /** Milliseconds. */
  readonly ttl: number;
}

export type Counted = (error: Error | null, result?: CountedRequests) => void;

/** A store as @fastify/rate-limit takes it. */
interface RateLimitStore {
  incr(client: string, counted: Counted, windowMs: number, limit: number): void;
  child(route: object): object;
}

/** For so long a store has to answer, and is not asked again once it failed, milliseconds. */
const patienceMs = 1_000;
/** Clients that are counted at the same time; the longest unseen is forgotten first. */
export const countedClients = 50_000;

/**
 * A store of the application's, with the rule of the store `database`: while it fails, or does not answer for a second, this
 * process counts alone, up to the limit for itself.
 */
export function guardStore(
  Given: new (options: never) => object,
  log: FlowLog,
): new (
  options: never,
) => RateLimitStore {
  return class extends GuardedStore {
    constructor(options: never) {
      super(new Given(options), { log, asksAgainAt: Number.NEGATIVE_INFINITY });
    }
  };
}

interface Outage {
  readonly log: FlowLog;
  asksAgainAt: number;
}

class GuardedStore implements RateLimitStore {
  readonly #given: RateLimitStore;
  readonly #outage: Outage;
  readonly #alone = new Windows();

  constructor(given: object, outage: Outage) {
    this.#given = readStore(given);
    this.#outage = outage;
  }

  incr(client: string, counted: Counted, windowMs: number, limit: number): void {
    void this.#count(client, windowMs, limit).then((result) => counted(null, result));
  }

  child(route: object): GuardedStore {
    return new GuardedStore(this.#given.child(route), this.#outage);
  }

  async #count(client: string, windowMs: number, limit: number): Promise<CountedRequests> {
    const outage = this.#outage;
    if (performance.now() >= outage.asksAgainAt) {
      try {
        return await ask(this.#given, client, windowMs, limit);
      } catch (err) {
        outage.asksAgainAt = performance.now() + patienceMs;
        outage.log.error({ err }, "rateLimit.store failed");
      }
    }
    return this.#alone.take(client, windowMs);
  }
}

function readStore(store: object): RateLimitStore {
  const { incr, child } = store as Partial<RateLimitStore>;
  if (typeof incr === "function" && typeof child === "function") return store as RateLimitStore;
  throw new OptionsError("Cannot use the options. rateLimit.store: must be a class with incr() and child()");
}

async function ask(
  store: RateLimitStore,
  client: string,
  windowMs: number,
  limit: number,
): Promise<CountedRequests> {
  const late = `rateLimit.store took longer than ${patienceMs} ms`;
  const answer = await withTimeLimit(
    patienceMs,
    late,
    () =>
      new Promise<unknown>((resolve, reject) => {
        const counted: Counted = (error, result) => (error ? reject(error) : resolve(result));
        store.incr(client, counted, windowMs, limit);
      }),
  );
  const { current, ttl } = (answer ?? {}) as Partial<CountedRequests>;
  if (isCount(current) && isCount(ttl)) return { current, ttl };
  throw new TypeError("rateLimit.store answers with { current, ttl }");
}

const isCount = (value: unknown): value is number =>
  typeof value === "number" && Number.isFinite(value) && value >= 0;

/** Windows as this process alone counts them. */
class Windows {
  readonly #windows = new Map<string, { current: number; readonly endsAt: number }>();

  take(client: string, windowMs: number): CountedRequests {
    const now = performance.now();
    const known = this.#windows.get(client);
    const window = known && known.endsAt > now ? known : { current: 0, endsAt: now + windowMs };
    window.current += 1;
    // The one that was asked for longest ago stands first.
    this.#windows.delete(client);
    this.#windows.set(client, window);
    const [oldest] = this.#windows.keys();
    if (this.#windows.size > countedClients && oldest !== undefined) this.#windows.delete(oldest);
    return { current: window.current, ttl: window.endsAt - now };
  }
}
