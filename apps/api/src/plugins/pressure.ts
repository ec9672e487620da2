import { fastifyUnderPressure } from "@fastify/under-pressure";
import { IdentityProblem } from "@org/fastify-identity";
import type { FastifyInstance } from "fastify";
import type { Config } from "../config.js";

/**
 * Refuses requests with 503 and Retry-After while the event loop is late: a queue that grows answers nobody. The checks of
 * a supervisor are answered, or it would restart an instance that is only busy.
 */
export async function refuseUnderPressure(
  app: FastifyInstance,
  { maxEventLoopDelayMs }: Config,
): Promise<void> {
  if (maxEventLoopDelayMs === 0) return;
  await app.register(fastifyUnderPressure, {
    maxEventLoopDelay: maxEventLoopDelayMs,
    pressureHandler: (request) => {
      if (request.url.startsWith("/health/")) return;
      throw new IdentityProblem("NOT_READY", { reason: "overloaded" });
    },
  });
}
