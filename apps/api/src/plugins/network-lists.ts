import type { Clock } from "@org/db-models";
import { every } from "@org/fastify-identity/http";
import { fastifyPlugin } from "fastify-plugin";
import type { Config } from "../config.js";
import type { NetworkLists } from "../network-lists.js";

interface Options {
  networkLists: NetworkLists;
  clock: Clock;
  config: Pick<Config, "networkListsCheckMs">;
}

/** Looks now and then whether the files of addresses have changed. */
export const refreshNetworkLists = fastifyPlugin<Options>(
  (app, { networkLists, clock, config }, done) => {
    every(app, config.networkListsCheckMs, () => networkLists.refresh(clock.now()));
    done();
  },
  { name: "network-lists" },
);
