import { randomUUID } from "node:crypto";
import type { Server } from "node:http";
import { createIdentity } from "@org/db-models";
import {
  answerError,
  createService,
  identityRoutes,
  knowAllMethods,
  parseStrictJson,
  registerDefences,
  type Service,
  trackMethods,
  trustedProxies,
} from "@org/fastify-identity";
import { presets } from "@org/risk-engine";
import { type FastifyHttpOptions, type FastifyInstance, fastify } from "fastify";
import { serializerCompiler, validatorCompiler } from "fastify-type-provider-zod";
import type { AppDeps } from "./deps.js";
import { locator } from "./location.js";
import { AccessLog, loggerOptions } from "./logging.js";
import { NetworkLists } from "./network-lists.js";
import { createNotifier } from "./notifier.js";
import { answerClientError } from "./plugins/client-errors.js";
import { health } from "./plugins/health.js";
import { refreshNetworkLists } from "./plugins/network-lists.js";
import { openapi } from "./plugins/openapi.js";

/**
 * Assembles the service without listening: tests inject requests, a process listens. Closing it writes the usage
 * counted so far and leaves the database open.
 *
 * @example
 * const app = await buildApp({ database, config: defineConfig({ mongodbUri }) });
 * const answer = await app.inject("/health/live");
 */
export async function buildApp(deps: AppDeps): Promise<FastifyInstance> {
  const app = fastify(serverOptions(deps));
  const networkLists = await NetworkLists.open(deps.config, app.log);
  const service = await provideService(deps, app, networkLists);
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  parseStrictJson(app);
  await registerDefences(app, service);
  await app.register(refreshNetworkLists, { ...deps, networkLists, clock: service.clock });
  await app.register(openapi, { config: deps.config });
  knowAllMethods(app);
  const refuseOtherMethods = trackMethods(app);
  await app.register(health, deps);
  await app.register(identityRoutes, { service, prefix: "/v1" });
  refuseOtherMethods();
  return app;
}

/** How late a timeout of a connection may be; Node looks every 30 s by default. */
const timeoutPrecisionMs = 500;

/** Time for the headers of a request, as Node has it. */
const longestHeadersMs = 60_000;

function serverOptions(deps: AppDeps): FastifyHttpOptions<Server> {
  const { config } = deps;
  return {
    logger: loggerOptions(deps),
    logController: new AccessLog(),
    genReqId: () => randomUUID(),
    bodyLimit: config.bodyLimit,
    requestTimeout: config.requestTimeoutMs,
    trustProxy: trustedProxies(config.trustProxy),
    http: {
      connectionsCheckingInterval: timeoutPrecisionMs,
      // Where this is the longer one Node exchanges the two, and a body would have as long as this.
      headersTimeout: Math.min(config.requestTimeoutMs, longestHeadersMs),
      // A missing Host is refused by a plugin, with an answer that says so.
      requireHostHeader: false,
    },
    // Connections that are already open are served to the end of their request; new ones are refused.
    return503OnClosing: false,
    frameworkErrors: answerError,
    clientErrorHandler: answerClientError,
  };
}

async function provideService(
  deps: AppDeps,
  app: FastifyInstance,
  networkLists: NetworkLists,
): Promise<Service> {
  const { config, clock, auditTrail, solvesChallenge } = deps;
  const identity = createIdentity({
    ...deps.policies,
    connection: deps.database.connection,
    ...(clock && { clock }),
    flushIntervalMs: config.usageFlushMs,
    onError: (err, what) => app.log.error({ err, ...what }, "what was counted in memory was not written"),
  });
  return createService({
    identity,
    settings: config,
    riskPolicy: config.riskPolicy === "off" ? undefined : presets[config.riskPolicy],
    locate: deps.locate ?? (await locator(config)),
    notifier: deps.notifier ?? createNotifier(config, app.log),
    networkLists,
    ...(auditTrail && { auditTrail }),
    ...(solvesChallenge && { solvesChallenge }),
  });
}
