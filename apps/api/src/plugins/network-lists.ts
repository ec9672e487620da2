import { fastifyPlugin } from "fastify-plugin";
import type { ServiceOptions } from "../service.js";
import { every } from "./every.js";

/** Looks now and then whether the files of addresses have changed. */
export const networkLists = fastifyPlugin<ServiceOptions>(
  (app, { service }, done) => {
    const { config, clock } = service;
    every(app, config.networkListsCheckMs, () => service.networkLists.refresh(clock.now()));
    done();
  },
  { name: "network-lists" },
);
