import type { Failures } from "@org/db-models";
import { fastifyPlugin } from "fastify-plugin";
import type { Types } from "mongoose";
import { tellOfReports } from "../flows/account/sign-in-reports.js";
import type { ServiceOptions } from "../service.js";
import { every } from "./every.js";

interface Swept extends Failures<Types.ObjectId> {
  readonly reports: readonly unknown[];
}

const notSwept = "what had begun was not swept";

/** Goes on with erasures and reports of sign-ins that a crash stopped, and through the finished ones once more. */
export const sweeps = fastifyPlugin<ServiceOptions>(
  (app, { service }, done) => {
    const { settings, identity, auditTrail } = service;
    const sweep = async (what: string, act: () => Promise<Swept>) => {
      try {
        const { reports, failures } = await act();
        if (reports.length > 0) app.log.info({ what, swept: reports.length }, "what had begun was swept");
        for (const { id, error: err } of failures)
          app.log.error({ err, what, id: id.toHexString() }, notSwept);
      } catch (err) {
        app.log.error({ err, what }, notSwept);
      }
    };
    // Several instances may do the same at once.
    every(app, settings.sweepMs, async () => {
      await sweep("erasures", () => identity.privacy.resumeErasures({ record: auditTrail }));
      await sweep("reports of sign-ins", async () => {
        const resumed = await identity.signInReports.resume();
        await tellOfReports(service, app.log, resumed.reports);
        return resumed;
      });
    });
    done();
  },
  { name: "sweeps" },
);
