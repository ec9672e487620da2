import { fastifyUnderPressure } from "@fastify/under-pressure";
import { IdentityProblem } from "@org/fastify-identity";
import type { FastifyInstance } from "fastify";
import type { Config } from "../config.js";

/** Milliseconds that a reading of the delay is of. */
const sampleInterval = 1_000;

/**
 * Refuses requests with 503 and Retry-After while the event loop is late: a queue that grows answers nobody. The checks of
 * a supervisor are answered, or it would restart an instance that is only busy. The first readings are of the start, which
 * says nothing about the load.
 */
export async function refuseUnderPressure(
  app: FastifyInstance,
  { maxEventLoopDelayMs }: Config,
): Promise<void> {
  if (maxEventLoopDelayMs === 0) return;
  let startedAt = Number.NEGATIVE_INFINITY;
  app.addHook("onListen", async () => {
    startedAt = performance.now();
  });
  await app.register(fastifyUnderPressure, {
    maxEventLoopDelay: maxEventLoopDelayMs,
    sampleInterval,
    pressureHandler: (request) => {
      if (request.url.startsWith("/health/")) return;
      if (performance.now() - startedAt < 2 * sampleInterval) return;
      throw new IdentityProblem("NOT_READY", { reason: "overloaded" });
    },
  });
}
