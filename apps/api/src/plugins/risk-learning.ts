import { fastifyPlugin } from "fastify-plugin";
import type { ServiceOptions } from "../service.js";

/** Waits at the end for what goes on behind answers, writes what sign-ins taught, and lets the notifier go. */
export const riskLearning = fastifyPlugin<ServiceOptions>(
  (app, { service }, done) => {
    app.addHook("onClose", async () => {
      await service.background.end(service.config.shutdownTimeoutMs);
      await service.risk.flush();
      await service.notifier.close();
    });
    done();
  },
  { name: "risk-learning" },
);
