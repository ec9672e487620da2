import { fastifyPlugin } from "fastify-plugin";
import type { ServiceOptions } from "../service.js";

/** Writes at the end what sign-ins taught and was not written yet, and lets the notifier go. */
export const riskLearning = fastifyPlugin<ServiceOptions>(
  (app, { service }, done) => {
    app.addHook("onClose", async () => {
      await service.risk.flush();
      await service.notifier.close();
    });
    done();
  },
  { name: "risk-learning" },
);
