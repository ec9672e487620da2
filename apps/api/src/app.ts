import { randomUUID } from "node:crypto";
import type { Server } from "node:http";
import {
  createIdentity,
  type Identity,
  type LeftOut,
  type LostStream,
  type LostWrite,
  type SkippedCheck,
} from "@org/db-models";
import {
  type IdentityPluginOptions,
  IdentityProblem,
  identityPlugin,
  type PageOptions,
} from "@org/fastify-identity";
import {
  answerError,
  knowAllMethods,
  parseStrictJson,
  rateLimit,
  securityHeaders,
  strictHeaders,
  trackMethods,
  trustedProxies,
} from "@org/fastify-identity/http";
import { type FastifyHttpOptions, type FastifyInstance, fastify } from "fastify";
import { serializerCompiler, validatorCompiler } from "fastify-type-provider-zod";
import { adminOf } from "./admin.js";
import { type Config, issuerOf } from "./config.js";
import type { AppDeps } from "./deps.js";
import { locator } from "./location.js";
import { AccessLog, loggerOptions } from "./logging.js";
import { NetworkLists } from "./network-lists.js";
import { createNotifier } from "./notifier.js";
import { passkeysOf } from "./passkeys.js";
import { passwordChecks } from "./passwords.js";
import { answerClientError } from "./plugins/client-errors.js";
import { health } from "./plugins/health.js";
import { refreshNetworkLists } from "./plugins/network-lists.js";
import { openapi } from "./plugins/openapi.js";
import { refuseUnderPressure } from "./plugins/pressure.js";
import { tracing } from "./plugins/tracing.js";
import { providersOf } from "./providers.js";

/**
 * Assembles the service without listening: tests inject requests, a process listens. Closing it writes the usage
 * counted so far and leaves the database open.
 *
 * @example
 * const app = await buildApp({ database, config: defineConfig({ mongodbUri }) });
 * const answer = await app.inject("/health/live");
 */
export async function buildApp(deps: AppDeps): Promise<FastifyInstance> {
  const { config } = deps;
  const app = fastify(serverOptions(deps));
  const identity = createIdentity({
    ...deps.policies,
    factors: { ...passkeysOf(issuerOf(config)), ...deps.policies?.factors },
    ...passwordChecks(config, deps.policies?.passwords),
    connection: deps.database.connection,
    ...(deps.clock && { clock: deps.clock }),
    sealKeys: config.sealKeys,
    ...(config.sessionCacheBoundMs !== undefined && {
      sessionCache: { uri: config.mongodbUri, revocationBoundMs: config.sessionCacheBoundMs },
    }),
    flushIntervalMs: config.usageFlushMs,
    onError: (err, what) => app.log.error({ err, ...what }, messageOf(what)),
  });
  deps.metrics?.countRequests(app);
  deps.metrics?.observeSessionCache(identity.sessionCacheMetrics);
  if (config.tracing) await app.register(tracing);
  const options = await pluginOptions(deps, app, identity);
  const notifier = deps.notifier ?? createNotifier(config, app.log);
  // Hooks of this name run from the last to the first: what is under way may still send.
  app.addHook("onClose", async () => {
    await identity.close();
    await notifier.close();
  });
  knowAllMethods(app);
  await refuseUnderPressure(app, config);
  await defend(app, config, identity);
  await app.register(openapi, { config });
  const refuseOtherMethods = trackMethods(app);
  await app.register(health, deps);
  if (deps.pages !== false) openOnPages(app, deps.pages);
  refuseOtherMethods();
  await app.register(identityPlugin, { ...options, notifier });
  return app;
}

function messageOf(what: LostWrite | SkippedCheck | LostStream | LeftOut): string {
  if ("check" in what) return "a new password was accepted without the check for breaches";
  if ("stream" in what) return "the session cache lost its change stream, and opens it again";
  if ("leftOut" in what) return "a stored document was left out";
  return "what was counted in memory was not written";
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

async function pluginOptions(
  deps: AppDeps,
  app: FastifyInstance,
  identity: Identity,
): Promise<IdentityPluginOptions> {
  const { config, metrics, solvesChallenge, hooks, pages } = deps;
  const trail = deps.auditTrail ?? identity.audit.append;
  const networks = await NetworkLists.open(config, app.log);
  await app.register(refreshNetworkLists, { config, networkLists: networks, clock: identity.clock });
  return {
    identity,
    issuer: issuerOf(config),
    cookies: { secure: !config.insecureCookies },
    riskPolicy: config.riskPolicy,
    oauth: pages !== false && (config.oauth ?? (config.issuer !== undefined && config.sealKeys.length > 0)),
    admin: await adminOf(deps, identity),
    secondFactor: config.secondFactor,
    providers: providersOf(config.providers),
    discreetRegistration: config.discreetRegistration,
    trustedOrigins: config.trustedOrigins,
    rateLimit: { passwords: config.signInRateLimit },
    recentAuthenticationMs: config.recentAuthenticationMs,
    answerTimeoutMs: config.answerTimeoutMs,
    sweepMs: config.sweepMs,
    closeTimeoutMs: config.shutdownTimeoutMs,
    networks,
    locate: deps.locate ?? (await locator(config)),
    auditTrail: metrics ? metrics.counting(trail) : trail,
    ...(solvesChallenge && { solvesChallenge }),
    ...(hooks && { hooks }),
    ...(pages !== undefined && { pages }),
  };
}

/** Who opens the address of the service is led to its pages. */
function openOnPages(app: FastifyInstance, { prefix = "/account", demo }: PageOptions = {}): void {
  const to = demo ? `${prefix}/demo` : prefix;
  app.get("/", { schema: { hide: true } as object }, (_request, reply) => reply.redirect(to));
}

// In this order, for hooks run in the order of registration: whatever refuses without a read comes first.
async function defend(app: FastifyInstance, config: Config, identity: Identity): Promise<void> {
  app.setErrorHandler(answerError);
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  parseStrictJson(app);
  await app.register(securityHeaders);
  app.addHook("onRequest", async (request, reply) => {
    reply.header("x-request-id", request.id);
  });
  await app.register(strictHeaders);
  const { rateLimit: max, rateLimitStore: store } = config;
  await app.register(rateLimit, { max, store, identity });
  app.setNotFoundHandler({ preValidation: app.rateLimit() }, () => {
    throw new IdentityProblem("NOT_FOUND");
  });
}
