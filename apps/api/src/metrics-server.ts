import { type FastifyInstance, fastify } from "fastify";
import type { Registry } from "prom-client";

/** What Prometheus scrapes, on a port of its own: the port that people reach has no metrics. */
export function metricsServer(registry: Registry): FastifyInstance {
  const app = fastify();
  app.get("/metrics", async (_request, reply) => {
    reply.header("content-type", registry.contentType);
    return registry.metrics();
  });
  return app;
}
