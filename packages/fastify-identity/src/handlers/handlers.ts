import { AsyncLocalStorage } from "node:async_hooks";
import { type FastifyServerOptions, fastify } from "fastify";
import type { AppIdentity } from "../app-identity.js";
import { IdentityProblem } from "../flows/problems.js";
import { answerProblem } from "../http/answers/errors.js";
import type { IdentityPluginOptions } from "../options.js";
import { identityPlugin } from "../plugin.js";
import { type Connect, connectHandlers } from "./connect.js";
import { type Fetch, fetchHandlers } from "./fetch.js";
import { addGuard, type Inner } from "./inner.js";

/** Options of the plugin, and of the server around it. */
export interface HandlerOptions extends IdentityPluginOptions {
  /** Proxies whose X-Forwarded-* headers are believed, as Fastify takes it. Default: none. */
  readonly trustProxy?: NonNullable<FastifyServerOptions["trustProxy"]>;
  /** As Fastify takes it. Default: nothing is logged. */
  readonly logger?: NonNullable<FastifyServerOptions["logger"]>;
}

/** The routes and guards of the plugin for applications of other frameworks. */
export interface IdentityHandlers {
  /** For frameworks whose handlers take a `Request` and return a `Response`. */
  readonly fetch: Fetch;
  /** For Express, Connect and `node:http`. */
  readonly connect: Connect;
  /** The operations and flows, for routes of your own. */
  readonly identity: Pick<AppIdentity, "operations" | "flows">;
  /** Waits for what is under way. The identity object stays open. */
  close(): Promise<void>;
}

const bodyTaken = "the body of the request was read already: add connect.routes before the body parser";

/**
 * The plugin's routes and guards without an app of Fastify's: the same options, defences and answers.
 *
 * @throws OptionsError
 *
 * @example
 * const { fetch } = await identityHandlers({ identity, issuer });
 * export const GET = fetch.guard("session", (request, who) => Response.json({ user: who.userId }));
 */
export async function identityHandlers({
  trustProxy = false,
  logger = false,
  ...options
}: HandlerOptions): Promise<IdentityHandlers> {
  const app = fastify({ trustProxy, logger });
  const inner: Inner = { app, guarded: new AsyncLocalStorage(), others: new WeakMap() };
  app.setErrorHandler((error, request, reply) => answerProblem(error, request, reply, options.errorFormat));
  app.setNotFoundHandler(() => {
    throw new IdentityProblem("NOT_FOUND");
  });
  // Before the body is read: that of another route is the application's.
  app.addHook("onRequest", async (request, reply) => {
    const next = inner.others.get(request.raw);
    if (!next || !(request.is404 || request.raw.readableDidRead)) return;
    reply.hijack();
    next(request.is404 ? undefined : new TypeError(bodyTaken));
  });
  await app.register(identityPlugin, options);
  addGuard(inner);
  await app.ready();
  return {
    fetch: fetchHandlers(inner),
    connect: connectHandlers(inner),
    identity: app.identity,
    close: () => app.close(),
  };
}
