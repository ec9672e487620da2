import { fastifyPlugin } from "fastify-plugin";
import type { ServiceOptions } from "../service.js";

/** Looks now and then whether the files of addresses have changed. */
export const networkLists = fastifyPlugin<ServiceOptions>(
  (app, { service }, done) => {
    const { config, clock } = service;
    let refreshing: Promise<void> | undefined;
    // One at a time: a large file may take longer than the interval.
    const timer = setInterval(() => {
      refreshing ??= service.networkLists.refresh(clock.now()).finally(() => {
        refreshing = undefined;
      });
    }, config.networkListsCheckMs);
    app.addHook("onClose", async () => {
      clearInterval(timer);
      await refreshing;
    });
    done();
  },
  { name: "network-lists" },
);
