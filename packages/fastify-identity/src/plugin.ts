import { setMaxListeners } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import type { Identity } from "@org/db-models";
import type {
  FastifyBaseLogger,
  FastifyInstance,
  FastifyPluginAsync,
  FastifyReply,
  FastifyRequest,
} from "fastify";
import { fastifyPlugin } from "fastify-plugin";
import type { Types } from "mongoose";
import type { AdminContext } from "./admin/acting.js";
import { BulkRunner } from "./admin/bulk/runner.js";
import { HealthChecks } from "./admin/database-health.js";
import { serveAdminPages } from "./admin/index.js";
import { LiveStreams } from "./admin/live-streams.js";
import { appIdentity } from "./app-identity.js";
import { noteImpersonationEnds } from "./flows/account/impersonation-ends.js";
import { IdentityCookies } from "./flows/cookies.js";
import { flowsOf } from "./flows/flows.js";
import type { Notifier } from "./flows/notices/notice.js";
import { contextOf, OptionsError, readOptions } from "./flows/options.js";
import { AnswerLimits } from "./http/answer-limits.js";
import { whenAnswered } from "./http/answers/answered.js";
import { every } from "./http/every.js";
import type { AccessTokenCheck } from "./http/guards/access-tokens.js";
import { guardDeclaredAccess } from "./http/guards/declared-access.js";
import type { RequestIdentity } from "./http/guards/guard.js";
import { named } from "./http/named.js";
import { ownRoutes } from "./http/own-routes.js";
import { keepState, releaseDeferred, requesterOf, stateOf } from "./http/requests.js";
import { checkUniqueIndexes } from "./http/setup-check.js";
import { sweeps } from "./http/sweeps.js";
import { serveProvider, serveProviderPages } from "./oauth/index.js";
import { type IdentityPluginOptions, isLoopback, pluginOptionsSchema } from "./options.js";
import { servePages } from "./pages/index.js";
import { mailNotifier } from "./pages/mails.js";
import { siteOf } from "./pages/site.js";
import type { Service } from "./service.js";

const register: FastifyPluginAsync<IdentityPluginOptions> = async (app, options) => {
  const service = serviceOf(app, options);
  const { settings } = service;
  if (app.hasDecorator("identity")) {
    throw new OptionsError(
      "identityPlugin is registered in this scope, or in one around it: register it once, or in scopes beside each other",
    );
  }
  app.decorate("identity", appIdentity(service));
  app.decorateRequest("identity", null);
  keepState(app);
  checkUniqueIndexes(app, service);
  warnOfUntrustedProxy(app);
  guardDeclaredAccess(app, service);
  followAnswers(app, service);
  await app.register(sweeps, { service });
  app.addHook("onClose", () => service.flows.settle(settings.closeTimeoutMs));
  const admin = adminOf(app, service);
  if (settings.routes.length > 0 || admin) {
    await app.register(
      named("identity routes", async (scope: FastifyInstance) => ownRoutes(scope, service, admin)),
      { prefix: settings.prefix },
    );
  }
  const { pages, oauth } = settings;
  if (!pages) return;
  const site = siteOf(service, pages, app.prefix + pages.prefix);
  const provider = oauth && (await serveProvider(app, site, oauth));
  const serveMore = (scope: FastifyInstance) => provider && serveProviderPages(scope, provider);
  await app.register(
    named("identity pages", async (scope: FastifyInstance) =>
      servePages(scope, service, pages, { site, serveMore }),
    ),
    {
      prefix: pages.prefix,
    },
  );
  if (admin) {
    const { prefix } = admin.settings;
    await app.register(
      named("administration pages", async (scope: FastifyInstance) =>
        serveAdminPages(scope, site, admin, app.prefix + prefix),
      ),
      { prefix },
    );
  }
  if (app.prefix === "") leadToPassword(app, pages.prefix);
};

/**
 * Accounts, sessions and API keys for a Fastify app: `app.identity`, `request.identity`, guards by `config.identity`, and
 * routes under `/v1`. Errors of the options are {@link OptionsError}; `onClose` waits for what is under way and writes what
 * is counted, and leaves the identity object open.
 *
 * @example
 * const app = fastify();
 * await app.register(identityPlugin, { identity, issuer: "https://id.example.com" });
 * app.get("/me", { config: { identity: "session" } }, (request) => app.identity.userOf(request));
 */
export const identityPlugin = fastifyPlugin(register, { name: "@org/fastify-identity", fastify: "5.x" });

function serviceOf(app: FastifyInstance, options: IdentityPluginOptions): Service {
  const settings = readOptions(pluginOptionsSchema, options);
  const { identity, riskPolicy, secondFactor, providers, auditTrail, networks, hooks } = settings;
  const { hookTimeoutMs, auditTimeoutMs, noticeTimeoutMs, recentAuthenticationMs } = settings;
  const { pages, issuer } = settings;
  const given = settings.notifier ?? defaultNotifier(issuer, app.log);
  const mailer = pages && {
    identity,
    settings: pages,
    issuer,
    prefix: app.prefix + pages.prefix,
    log: app.log,
  };
  const notifier = mailer ? mailNotifier({ ...mailer, notifier: given }) : given;
  const context = contextOf({
    identity,
    riskPolicy,
    secondFactor,
    providers,
    auditTrail,
    networks,
    hooks,
    hookTimeoutMs,
    auditTimeoutMs,
    noticeTimeoutMs,
    recentAuthenticationMs,
    notifier,
  });
  const secure = settings.cookies.secure ?? settings.issuer.startsWith("https://");
  return {
    ...context,
    settings,
    answers: new AnswerLimits(settings.answerTimeoutMs, settings.maxRequestsUnderWay),
    accessTokens: opaqueTokens(identity),
    flows: flowsOf(context),
    cookies: new IdentityCookies(secure, settings.cookies),
  };
}

/** How often an instance looks for bulk jobs that another one has let go of, and for impersonations that are over. */
const jobsLookMs = 10_000;

/** The admin area, whose streams end before the server waits for its connections. */
function adminOf(app: FastifyInstance, service: Service): AdminContext | undefined {
  const { admin: settings } = service.settings;
  if (!settings) return undefined;
  const streams = new LiveStreams(settings);
  app.addHook("preClose", async () => streams.close());
  const { clock } = service;
  const jobs = new BulkRunner(service, settings, app.log);
  app.addHook("preClose", async () => jobs.close());
  every(app, Math.min(service.settings.sweepMs, jobsLookMs), () => jobs.takeUp());
  app.addHook("onClose", () => jobs.settle());
  if (settings.impersonation) {
    every(app, Math.min(service.settings.sweepMs, jobsLookMs), () => noteImpersonationEnds(service, app.log));
  }
  const health = settings.health && new HealthChecks(settings.health, () => clock.now());
  return { service, settings, streams, jobs, health };
}

/** Without a provider there are opaque tokens only, and nobody to check a proof of possession. */
function opaqueTokens({ oauth }: Identity): AccessTokenCheck {
  return async (_request, _reply, { value }) => {
    const check = await oauth.validate(value);
    if (!check.ok) return { ok: false, reason: check.reason, scheme: "Bearer" };
    return check.token.dpopKey === undefined ? check : { ok: false, reason: "bound", scheme: "DPoP" };
  };
}

function defaultNotifier(issuer: string, log: FastifyBaseLogger): Notifier {
  if (isLoopback(issuer)) {
    return {
      send: async ({ kind, to, text }) => {
        if ("level" in log) log.warn({ notice: kind, to, text }, "a notice, for development");
        // `fastify()` without a logger: who develops waits for a code all the same.
        else process.stderr.write(`${kind} to ${to}, for development:\n${text}\n`);
      },
    };
  }
  log.warn("No notifier was given: codes and tokens reach nobody. Give identityPlugin the option notifier.");
  return {
    send: async () => {
      throw new Error("no notifier was given to identityPlugin");
    },
  };
}

/** Where password managers look for the form that changes a password (W3C, a well-known URL for changing passwords). */
function leadToPassword(app: FastifyInstance, prefix: string): void {
  const url = "/.well-known/change-password";
  if (app.hasRoute({ method: "GET", url })) return;
  const options = { config: { identity: "public" }, schema: { hide: true } as object } as const;
  app.get(url, options, (_request, reply) =>
    reply.header("cache-control", "no-store").redirect(`${prefix}/password`, 302),
  );
}

/** Behind a proxy that Fastify does not trust, all clients have one address, and share its limits. */
function warnOfUntrustedProxy(app: FastifyInstance): void {
  let warned = false;
  app.addHook("onRequest", (request, _reply, done) => {
    if (!warned && request.headers["x-forwarded-for"] !== undefined && request.ips === undefined) {
      warned = true;
      request.log.warn(
        "X-Forwarded-For came, and Fastify trusts no proxy: all clients count as one. Set trustProxy to your proxies.",
      );
    }
    done();
  });
}

/** Counts the requests of each user and session, and of each app. */
function countUsage({ identity }: Service, request: FastifyRequest, reply: FastifyReply): void {
  const { identity: who } = request;
  const { countedFor, countedClient } = stateOf(request);
  const endpoint = `${request.method} ${request.routeOptions.url}`;
  const failed = reply.statusCode >= 400;
  const clientId = who && "clientId" in who ? who.clientId : countedClient?.clientId;
  if (clientId !== undefined) {
    const what = countedClient?.what;
    identity.usage.trackApp({ clientId, endpoint: what ? `${endpoint} ${what}` : endpoint, failed });
  }
  const userId = who?.userId ?? countedFor?.userId;
  // The user was not there.
  if (!userId || (who && "actor" in who && who.actor)) return;
  const sessionId = who?.userId ? sessionIdOf(who) : countedFor?.sessionId;
  identity.usage.track(sessionId ? { userId, sessionId, endpoint, failed } : { userId, endpoint, failed });
}

function sessionIdOf(who: RequestIdentity): Types.ObjectId | undefined {
  return who.kind === "session" ? who.session.id : undefined;
}

/** Ends the session that a request has opened, or opens yet. */
function endOpened(service: Service, request: FastifyRequest, failed: (error: unknown) => void): void {
  const state = stateOf(request);
  state.endOpened = (opened) =>
    service.background.run(() => service.flows.signOut(requesterOf(service, request), opened), failed);
  if (state.opened) state.endOpened(state.opened);
}

/** Long enough that the work does not fall into the next request of the same client either. */
const laterMs = 1_000;

/** What only some accounts cause, and whose time no answer must tell, is done later; at the latest when the app closes. */
function followAnswers(app: FastifyInstance, service: Service): void {
  const closing = new AbortController();
  // Each work that waits listens to it, and there may be many.
  setMaxListeners(0, closing.signal);
  whenAnswered(app, (request, reply) => {
    countUsage(service, request, reply);
    const failed = (err: unknown) => request.log.error({ err }, "what follows an answer was not done");
    // The answer was an error, by another hook or because it took too long: nobody has the token of a session.
    if (reply.statusCode >= 500) endOpened(service, request, failed);
    releaseDeferred(request, (act) =>
      service.background.run(async () => {
        await sleep(laterMs, undefined, { signal: closing.signal }).catch(() => undefined);
        await act();
      }, failed),
    );
  });
  app.addHook("preClose", async () => closing.abort());
}
