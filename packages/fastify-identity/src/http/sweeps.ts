import { fastifyPlugin } from "fastify-plugin";
import { tellOfReports } from "../flows/account/sign-in-reports.js";
import type { ServiceOptions } from "../service.js";
import { every } from "./every.js";

/** Goes on with erasures and reports of sign-ins that a crash stopped, and through the finished ones once more. */
export const sweeps = fastifyPlugin<ServiceOptions>(
  (app, { service }, done) => {
    const { settings, identity, auditTrail } = service;
    const sweep = async (what: string, act: () => Promise<number>) => {
      try {
        const swept = await act();
        if (swept > 0) app.log.info({ what, swept }, "what had begun was swept");
      } catch (err) {
        app.log.error({ err, what }, "what had begun was not swept");
      }
    };
    // Several instances may do the same at once.
    every(app, settings.sweepMs, async () => {
      await sweep("erasures", async () => {
        const finished = await identity.privacy.resumeErasures({ record: auditTrail });
        return finished.length;
      });
      await sweep("reports of sign-ins", async () => {
        const reports = await identity.signInReports.resume();
        await tellOfReports(service, app.log, reports);
        return reports.length;
      });
    });
    done();
  },
  { name: "sweeps" },
);
