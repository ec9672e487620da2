/**
 * One contender of the HTTP benchmark, in a process of its own; prints where it listens.
 * Arguments: the contender, a connection string, and better-auth's secret.
 */
import { type OpenIdentityOptions, openIdentity } from "@org/db-models";
import { parseToken } from "@org/db-models/core";
import { placeOf, queries } from "@org/db-models/queries";
import { identityPlugin } from "@org/fastify-identity";
import { type FastifyInstance, fastify } from "fastify";
import { MongoClient } from "mongodb";
import { authOn } from "./better-auth.js";
import type { HttpContender } from "./http.js";

const [name = "", uri = "", secret = ""] = process.argv.slice(2);
const app = fastify();
const contenders: Readonly<Record<HttpContender, () => Promise<void>>> = {
  empty: async () => answering(app, () => ({ ok: true })),
  findOne: async () => {
    const client = await MongoClient.connect(uri, { maxPoolSize: 100 });
    app.addHook("onClose", () => client.close());
    const sessions = client.db().collection("user_sessions");
    answering(app, async ({ authorization = "" }) => {
      const token = parseToken("session", authorization.slice("Bearer ".length));
      if (!token) throw new Error("this is no session token");
      const filter = queries.sessionById(placeOf(token)).filter as object;
      return { userId: (await sessions.findOne(filter))?.userId };
    });
  },
  memoryLimits: () => ours("memory"),
  sessionCache: () => ours("memory", { sessionCache: {} }),
  databaseLimits: () => ours("database"),
  betterAuth: async () => {
    const client = await MongoClient.connect(uri, { maxPoolSize: 100 });
    app.addHook("onClose", () => client.close());
    const auth = authOn(client.db(), secret);
    app.get("/", async (request, reply) => {
      const { headers } = request;
      const url = new URL("/api/auth/get-session", "http://127.0.0.1");
      const answer = await auth.handler(new Request(url, { headers: headers as Record<string, string> }));
      reply.code(answer.status).header("content-type", "application/json");
      return answer.text();
    });
  },
};

function answering(to: FastifyInstance, answer: (headers: { authorization?: string }) => unknown): void {
  to.get("/", (request) => answer(request.headers as { authorization?: string }));
}

async function ours(store: "memory" | "database", settings: OpenIdentityOptions = {}): Promise<void> {
  const identity = await openIdentity(uri, settings);
  app.addHook("onClose", () => identity.close());
  const rateLimit = { requests: 1_000_000, passwords: 1_000_000, store };
  const options = {
    identity,
    issuer: "http://127.0.0.1",
    rateLimit,
    notifier: { send: async () => undefined },
  };
  await app.register(identityPlugin, options);
  app.get("/", { config: { identity: "session" } }, (request) => ({ userId: app.identity.userOf(request) }));
}

await contenders[name as HttpContender]();
const address = await app.listen({ port: 0, host: "127.0.0.1" });
process.stdout.write(`${address}\n`);
process.once("SIGTERM", () => void app.close().then(() => process.exit(0)));
