import { fastifyPlugin } from "fastify-plugin";
import type { ServiceOptions } from "../service.js";
import { every } from "./every.js";

/** Goes on with erasures that a crash stopped, and sweeps through the finished ones once more. */
export const erasures = fastifyPlugin<ServiceOptions>(
  (app, { service }, done) => {
    const { settings, identity } = service;
    const sweep = async () => {
      try {
        const reports = await identity.privacy.resumeErasures();
        if (reports.length > 0) app.log.info({ erasures: reports.length }, "erasures were swept");
      } catch (err) {
        app.log.error({ err }, "erasures were not swept");
      }
    };
    // Several instances may do the same at once.
    every(app, settings.erasureSweepMs, sweep);
    done();
  },
  { name: "erasures" },
);
