/**
 * A provider in a process of its own, on a free port of this machine, which it prints. Arguments: URI of the database, the
 * time to begin at. `POST /clock` with milliseconds moves its clock, `POST /heap` says what it holds in memory.
 */
import { createIdentity } from "@org/db-models";
import { fastify } from "fastify";
import { createConnection } from "mongoose";
import { identityPlugin } from "../../src/index.js";

const [uri = "", begin = "0"] = process.argv.slice(2);
let offset = 0;
const clock = { now: () => new Date(Number(begin) + offset) };
const connection = await createConnection(uri, { autoIndex: false, autoCreate: false }).asPromise();
const sealKeys = [{ id: "test", key: "a key of forty-three characters and more, for tests" }];
const identity = createIdentity({ connection, clock, sealKeys });
const app = fastify();
await app.register(identityPlugin, {
  identity,
  issuer: "https://id.example.com",
  riskPolicy: "off",
  rateLimit: { requests: 1_000_000, passwords: 1_000_000 },
  notifier: { send: async () => undefined },
  oauth: { tokenRequests: 1_000_000 },
});
app.post<{ Querystring: { ms: string } }>("/clock", (request) => {
  offset += Number(request.query.ms);
  return { now: clock.now() };
});
app.post("/heap", () => {
  global.gc?.();
  return String(process.memoryUsage().heapUsed);
});
process.stdout.write(`listening ${await app.listen({ port: 0, host: "127.0.0.1" })}\n`);
