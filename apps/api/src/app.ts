import { randomUUID } from "node:crypto";
import type { Server } from "node:http";
import { createIdentity } from "@org/db-models";
import { type FastifyHttpOptions, type FastifyInstance, fastify } from "fastify";
import { serializerCompiler, validatorCompiler } from "fastify-type-provider-zod";
import { Background } from "./background.js";
import { locator } from "./location.js";
import { AccessLog, loggerOptions } from "./logging.js";
import { NetworkLists } from "./network-lists.js";
import { createNotifier } from "./notifier.js";
import { afterAnswer } from "./plugins/after-answer.js";
import { authentication } from "./plugins/authentication.js";
import { clientAddress, trustedProxies } from "./plugins/client-address.js";
import { answerClientError } from "./plugins/client-errors.js";
import { closing } from "./plugins/closing.js";
import { deviceCookie } from "./plugins/device-cookie.js";
import { erasures } from "./plugins/erasures.js";
import { answerError, errors } from "./plugins/errors.js";
import { health } from "./plugins/health.js";
import { parseStrictJson } from "./plugins/json-body.js";
import { knowAllMethods, trackMethods } from "./plugins/method-not-allowed.js";
import { networkLists } from "./plugins/network-lists.js";
import { openapi } from "./plugins/openapi.js";
import { rateLimit } from "./plugins/rate-limit.js";
import { sameOrigin } from "./plugins/same-origin.js";
import { securityHeaders } from "./plugins/security-headers.js";
import { sessionCookie } from "./plugins/session-cookie.js";
import { strictHeaders } from "./plugins/strict-headers.js";
import { usageRecording } from "./plugins/usage-recording.js";
import { RequestRates } from "./request-rates.js";
import { accountRoutes } from "./routes/account.js";
import { apiKeyRoutes } from "./routes/api-keys.js";
import { emailVerificationRoutes } from "./routes/email-verification.js";
import { passwordResetRoutes } from "./routes/password-reset.js";
import { profileRoutes } from "./routes/profile.js";
import { securityRoutes } from "./routes/security.js";
import { sessionRoutes } from "./routes/session.js";
import { sessionsRoutes } from "./routes/sessions.js";
import { signInRoutes } from "./routes/sign-in.js";
import { usageRoutes } from "./routes/usage.js";
import { userRoutes } from "./routes/users.js";
import type { AppDeps, Service } from "./service.js";

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
  const service = await provideService(deps, app);
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  parseStrictJson(app);
  await registerPlugins(app, service);
  knowAllMethods(app);
  const refuseOtherMethods = trackMethods(app);
  await app.register(health, { service });
  await app.register(async (v1) => registerRoutes(v1, service), { prefix: "/v1" });
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
    trustProxy: trustedProxies(config),
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

async function provideService(deps: AppDeps, app: FastifyInstance): Promise<Service> {
  const clock = deps.clock ?? { now: () => new Date() };
  const identity = createIdentity({
    ...deps.policies,
    connection: deps.database.connection,
    clock,
    flushIntervalMs: deps.config.usageFlushMs,
    onError: (err, what) => app.log.error({ err, ...what }, "what was counted in memory was not written"),
  });
  return {
    ...deps,
    clock,
    identity,
    locate: deps.locate ?? (await locator(deps.config)),
    notifier: deps.notifier ?? createNotifier(deps.config, app.log),
    networkLists: await NetworkLists.open(deps.config, app.log),
    requestRates: new RequestRates(),
    background: new Background(),
    auditTrail: deps.auditTrail ?? identity.audit.append,
  };
}

// In this order, for hooks run in the order of registration: whatever refuses without a read comes first.
async function registerPlugins(app: FastifyInstance, service: Service): Promise<void> {
  await app.register(errors);
  await app.register(clientAddress);
  await app.register(afterAnswer, { service });
  await app.register(securityHeaders);
  app.addHook("onRequest", async (request, reply) => {
    reply.header("x-request-id", request.id);
  });
  await app.register(strictHeaders);
  await app.register(sameOrigin);
  await app.register(rateLimit, { service });
  await app.register(sessionCookie, { service });
  await app.register(deviceCookie, { service });
  await app.register(authentication, { service });
  await app.register(usageRecording, { service });
  await app.register(closing, { service });
  await app.register(networkLists, { service });
  await app.register(erasures, { service });
  await app.register(openapi, { service });
}

async function registerRoutes(v1: FastifyInstance, service: Service): Promise<void> {
  await v1.register(userRoutes, { service });
  await v1.register(signInRoutes, { service });
  await v1.register(sessionRoutes, { service });
  await v1.register(sessionsRoutes, { service });
  await v1.register(accountRoutes, { service });
  await v1.register(passwordResetRoutes, { service });
  await v1.register(emailVerificationRoutes, { service });
  await v1.register(profileRoutes, { service });
  await v1.register(securityRoutes, { service });
  await v1.register(apiKeyRoutes, { service });
  await v1.register(usageRoutes, { service });
}
