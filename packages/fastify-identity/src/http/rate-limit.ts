import { type FastifyRateLimitStoreCtor, fastifyRateLimit } from "@fastify/rate-limit";
import { fastifyPlugin } from "fastify-plugin";
import { IdentityProblem } from "../flows/problems.js";
import type { RateLimitOptions } from "../options.js";
import type { Service } from "../service.js";
import { rateLimitKey } from "./client-address.js";

const minute = 60_000;
/** Clients that are counted at the same time; the longest unseen is forgotten first. */
const countedClients = 50_000;

interface RateLimit {
  /** Requests per minute. */
  readonly max: number;
  readonly store?: RateLimitOptions["store"];
}

/**
 * Limits requests per client, counted by this instance. A client is an IPv4 address or the /64 of an IPv6 address.
 * The counter runs before a token is looked at, so that guessing costs the database nothing.
 */
export const rateLimit = fastifyPlugin<RateLimit>(
  async (app, { max, store }) => {
    await app.register(fastifyRateLimit, {
      max,
      timeWindow: minute,
      cache: countedClients,
      keyGenerator: rateLimitKey,
      enableDraftSpec: true,
      errorResponseBuilder: () => new IdentityProblem("RATE_LIMITED"),
      ...(store && { store: store as unknown as FastifyRateLimitStoreCtor }),
    });
  },
  { name: "rate-limit" },
);

/** The limit of routes that check or set a password: a guess is worth more than a request. */
export function passwordRateLimit({ settings }: Service): { max: number; timeWindow: number } {
  return { max: settings.rateLimit.passwords, timeWindow: minute };
}
