/**
 * An instance that works on bulk jobs. Arguments: URI of the database, the time that its clock stands at. Prints `ready`, and
 * begins with the first line on its input.
 */

import { once } from "node:events";
import { writeSync } from "node:fs";
import { createIdentity } from "@org/db-models";
import { fastify } from "fastify";
import { createConnection } from "mongoose";
import { identityPlugin } from "../../src/index.js";

const [uri = "", time = "0"] = process.argv.slice(2);
const clock = { now: () => new Date(Number(time)) };
const connection = await createConnection(uri, { autoIndex: false, autoCreate: false }).asPromise();
const identity = createIdentity({ connection, clock });
writeSync(1, "ready\n");
await once(process.stdin, "data");
await fastify().register(identityPlugin, {
  identity,
  issuer: "https://id.example.com",
  riskPolicy: "off",
  notifier: { send: async () => undefined },
  admin: true,
  sweepMs: 10,
});
writeSync(1, "working\n");
