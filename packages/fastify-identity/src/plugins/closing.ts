import { fastifyPlugin } from "fastify-plugin";
import type { ServiceOptions } from "../service.js";

/** At the end: waits for work in the background, writes what is still counted in memory, and closes the notifier. */
export const closing = fastifyPlugin<ServiceOptions>(
  (app, { service }, done) => {
    app.addHook("onClose", async () => {
      await service.background.end(service.settings.shutdownTimeoutMs);
      await service.identity.close();
      await service.notifier.close();
    });
    done();
  },
  { name: "closing" },
);
