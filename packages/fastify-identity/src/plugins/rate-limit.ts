import { fastifyRateLimit } from "@fastify/rate-limit";
import { fastifyPlugin } from "fastify-plugin";
import { ApiError } from "../flows/problems.js";
import type { Service, ServiceOptions } from "../service.js";
import { rateLimitKey } from "./client-address.js";

const minute = 60_000;
/** Clients that are counted at the same time; the longest unseen is forgotten first. */
const countedClients = 50_000;

/**
 * Limits requests per client, counted by this instance. A client is an IPv4 address or the /64 of an IPv6 address.
 * The counter runs before a token is looked at, so that guessing costs the database nothing.
 */
export const rateLimit = fastifyPlugin<ServiceOptions>(
  async (app, { service }) => {
    await app.register(fastifyRateLimit, {
      max: service.settings.rateLimit,
      timeWindow: minute,
      cache: countedClients,
      keyGenerator: rateLimitKey,
      enableDraftSpec: true,
      errorResponseBuilder: () => new ApiError("RATE_LIMITED"),
    });
    app.setNotFoundHandler({ preValidation: app.rateLimit() }, () => {
      throw new ApiError("NOT_FOUND");
    });
  },
  { name: "rate-limit" },
);

/** The limit of routes that check or set a password: a guess is worth more than a request. */
export function passwordRateLimit({ settings }: Service): { max: number; timeWindow: number } {
  return { max: settings.signInRateLimit, timeWindow: minute };
}
