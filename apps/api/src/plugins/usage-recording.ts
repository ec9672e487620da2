import { fastifyPlugin } from "fastify-plugin";
import type { ServiceOptions } from "../service.js";

/** Counts the requests of each user and session, and writes at the end what the recorder has not written yet. */
export const usageRecording = fastifyPlugin<ServiceOptions>(
  (app, { service }, done) => {
    const { usage, clock } = service;
    app.addHook("onResponse", async (request, reply) => {
      if (!request.actor) return;
      const endpoint = `${request.method} ${request.routeOptions.url}`;
      usage.record({ ...request.actor, endpoint, failed: reply.statusCode >= 400 }, clock.now());
    });
    app.addHook("onClose", () => usage.flush());
    done();
  },
  { name: "usage-recording", dependencies: ["authentication"] },
);
