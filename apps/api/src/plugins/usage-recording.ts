import { fastifyPlugin } from "fastify-plugin";
import type { ServiceOptions } from "../service.js";

/** Counts the requests of each user and session; writes the counts now and then, and once more at the end. */
export const usageRecording = fastifyPlugin<ServiceOptions>(
  (app, { service }, done) => {
    const { usage, clock, config } = service;
    const timer = setInterval(() => void usage.flush(), config.usageFlushMs);
    app.addHook("onResponse", async (request, reply) => {
      if (!request.actor) return;
      const endpoint = `${request.method} ${request.routeOptions.url}`;
      usage.record({ ...request.actor, endpoint, failed: reply.statusCode >= 400 }, clock.now());
    });
    app.addHook("onClose", async () => {
      clearInterval(timer);
      await usage.flush();
    });
    done();
  },
  { name: "usage-recording", dependencies: ["authentication"] },
);
