import { fastifyHelmet } from "@fastify/helmet";
import { fastifyPlugin } from "fastify-plugin";

/** Nothing that the API answers is a page: it may load nothing and be framed by nobody. */
const apiContentPolicy = {
  useDefaults: false,
  directives: {
    defaultSrc: ["'none'"],
    frameAncestors: ["'none'"],
    baseUri: ["'none'"],
    formAction: ["'none'"],
  },
};

/** Security headers on every answer, and no cache keeps one unless its route says otherwise. */
export const securityHeaders = fastifyPlugin(
  async (app) => {
    await app.register(fastifyHelmet, {
      contentSecurityPolicy: apiContentPolicy,
      referrerPolicy: { policy: "no-referrer" },
      frameguard: { action: "deny" },
    });
    app.addHook("onRequest", async (_request, reply) => {
      reply.header("cache-control", "no-store");
    });
  },
  { name: "security-headers" },
);
