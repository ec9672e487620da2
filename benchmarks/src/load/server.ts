/**
 * One instance under load, in a process of its own; prints where it listens. Arguments: the product, a connection string,
 * better-auth's secret, milliseconds to look for a database server.
 */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { openIdentity } from "@org/db-models";
import { identityPlugin } from "@org/fastify-identity";
import { answerError } from "@org/fastify-identity/http";
import { type FastifyInstance, fastify } from "fastify";
import { MongoClient } from "mongodb";
import { authOn } from "../better-auth.js";
import type { InstanceState, ProductName } from "./instances.js";

const [name = "", uri = "", secret = "", selectionMs = "30000"] = process.argv.slice(2);
const serverSelectionTimeoutMS = Number(selectionMs);
const app = fastify();
const products: Readonly<Record<ProductName, () => Promise<void>>> = { ours, betterAuth };

async function ours(): Promise<void> {
  const identity = await openIdentity(uri, { sessionCache: {}, database: { serverSelectionTimeoutMS } });
  app.addHook("onClose", () => identity.close());
  app.setErrorHandler(answerError);
  await app.register(identityPlugin, {
    identity,
    issuer: "http://127.0.0.1",
    rateLimit: { requests: 1_000_000, passwords: 1_000_000 },
    notifier: { send: async () => undefined },
  });
  const answer = (request: Parameters<typeof app.identity.userOf>[0]) => ({
    userId: app.identity.userOf(request),
  });
  app.get("/", { config: { identity: "session" } }, answer);
  app.get("/metered", { config: { identity: { scope: "load:read" } } }, answer);
}

async function betterAuth(): Promise<void> {
  const client = await MongoClient.connect(uri, { maxPoolSize: 100, serverSelectionTimeoutMS });
  app.addHook("onClose", () => client.close());
  const auth = authOn(client.db(), secret);
  app.route({
    method: ["GET", "POST"],
    url: "/api/auth/*",
    handler: async ({ method, url, headers, body }, reply) => {
      const request = new Request(new URL(url, "http://127.0.0.1"), {
        method,
        headers: { ...(headers as Record<string, string>), host: "127.0.0.1" },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      const answer = await auth.handler(request);
      for (const [header, value] of answer.headers) reply.header(header, value);
      return reply.code(answer.status).send(await answer.text());
    },
  });
}

/** Memory and delay of this process since the last time that somebody asked. */
function tellState(on: FastifyInstance): void {
  const delay = monitorEventLoopDelay({ resolution: 10 });
  delay.enable();
  on.get("/state", (): InstanceState => {
    const state = {
      rssMb: process.memoryUsage().rss / 1_048_576,
      delayP99Ms: delay.percentile(99) / 1e6,
      delayMaxMs: delay.max / 1e6,
    };
    delay.reset();
    return state;
  });
}

await products[name as ProductName]();
tellState(app);
const address = await app.listen({ port: 0, host: "127.0.0.1" });
process.stdout.write(`${address}\n`);
process.once("SIGTERM", () => void app.close().then(() => process.exit(0)));
