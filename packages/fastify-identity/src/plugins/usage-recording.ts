import { fastifyPlugin } from "fastify-plugin";
import type { ServiceOptions } from "../service.js";

/** Counts the requests of each user and session. */
export const usageRecording = fastifyPlugin<ServiceOptions>(
  (app, { service }, done) => {
    const { usage } = service.identity;
    app.addHook("onResponse", async (request, reply) => {
      if (!request.actor) return;
      const endpoint = `${request.method} ${request.routeOptions.url}`;
      usage.track({ ...request.actor, endpoint, failed: reply.statusCode >= 400 });
    });
    done();
  },
  { name: "usage-recording", dependencies: ["authentication"] },
);
