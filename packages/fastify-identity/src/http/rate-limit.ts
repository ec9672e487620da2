import { type FastifyRateLimitStoreCtor, fastifyRateLimit } from "@fastify/rate-limit";
import type { Identity } from "@org/db-models";
import { fastifyPlugin } from "fastify-plugin";
import { IdentityProblem } from "../flows/problems.js";
import type { RateLimitOptions } from "../options.js";
import type { Service } from "../service.js";
import { rateLimitKey } from "./client-address.js";
import { type Counted, countedClients, guardStore } from "./given-store.js";

const minute = 60_000;

interface RateLimit {
  /** Requests per minute. */
  readonly max: number;
  /** Where requests are counted. Default: `memory` of this process. */
  readonly store?: RateLimitOptions["store"];
  /** Holds the counters of the store `database`. */
  readonly identity: Pick<Identity, "requestLimits">;
}

/**
 * Limits requests per client. A client is an IPv4 address or the /64 of an IPv6 address. The counter runs before a token is
 * looked at, so that guessing costs the database no read of it.
 */
export const rateLimit = fastifyPlugin<RateLimit>(
  async (app, { max, store = "memory", identity }) => {
    const counters =
      typeof store === "function"
        ? guardStore(store, app.log)
        : store === "database" && sharedStore(identity);
    await app.register(fastifyRateLimit, {
      max,
      timeWindow: minute,
      cache: countedClients,
      keyGenerator: rateLimitKey,
      enableDraftSpec: true,
      errorResponseBuilder: () => new IdentityProblem("RATE_LIMITED"),
      ...(counters && { store: counters as unknown as FastifyRateLimitStoreCtor }),
    });
  },
  { name: "rate-limit" },
);

/** The limit of routes that check or set a password: a guess is worth more than a request. */
export function passwordRateLimit({ settings }: Service): { max: number; timeWindow: number } {
  return { max: settings.rateLimit.passwords, timeWindow: minute };
}

interface RouteOptions {
  readonly routeInfo: { readonly method: string | readonly string[]; readonly url: string };
}

/** Counters in the database, for all instances; each route with a limit of its own counts apart. */
function sharedStore({ requestLimits }: Pick<Identity, "requestLimits">) {
  return class SharedStore {
    #kind = "all";

    incr(client: string, counted: Counted, windowMs: number, limit: number): void {
      void requestLimits
        .take({ kind: this.#kind, client, limit, windowMs })
        .then(({ ok, remaining, resetMs }) => {
          counted(null, { current: ok ? limit - remaining : limit + 1, ttl: resetMs });
        });
    }

    child({ routeInfo: { method, url } }: RouteOptions): SharedStore {
      const child = new SharedStore();
      child.#kind = `${[method].flat().join(",")} ${url}`;
      return child;
    }
  };
}
