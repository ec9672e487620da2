import type { FastifyInstance, FastifyRequest } from "fastify";
import { IdentityProblem } from "../flows/problems.js";
import { trackMethods } from "../http/answers/method-not-allowed.js";
import { strictHeaders } from "../http/answers/strict-headers.js";
import { guardPublic, hasImpersonation, refuseImpersonated } from "../http/guards/impersonated.js";
import { refuseCrossOrigin } from "../http/guards/same-origin.js";
import { rateLimit } from "../http/rate-limit.js";
import type { Service } from "../service.js";
import * as accounts from "./definitions/accounts.js";
import { apiKeyShownPage, apiKeysPage } from "./definitions/api-keys.js";
import { appsPage } from "./definitions/apps.js";
import { challengePage } from "./definitions/challenge.js";
import { demoPage } from "./definitions/demo.js";
import * as email from "./definitions/email-change.js";
import * as factors from "./definitions/factors.js";
import { impersonationPage } from "./definitions/impersonation.js";
import { appUsagePage, ownAppsPage } from "./definitions/own-apps.js";
import * as profile from "./definitions/profile.js";
import { isProviderAnswer, leavePage, providersPage, serveCallbacks } from "./definitions/providers.js";
import * as records from "./definitions/records.js";
import * as recovery from "./definitions/recovery.js";
import * as security from "./definitions/security.js";
import * as signIn from "./definitions/sign-in.js";
import { reportSignInPage } from "./definitions/sign-in-reports.js";
import type { PageSettings } from "./options.js";
import { Page } from "./page.js";
import { parseForms } from "./serve/form-body.js";
import { servePage, showProblem } from "./serve/serve-page.js";
import type { Site } from "./site.js";

interface PagesOfApp {
  readonly site: Site;
  /** Adds pages of another part of the plugin. */
  readonly serveMore: (scope: FastifyInstance) => unknown;
}

/**
 * Makes a scope one of pages: its parser, errors and defences hold nowhere else.
 *
 * @param takesForeign - whether what other origins send may come to a route, by its path.
 * @returns what refuses other methods, to be called once the routes are there.
 */
export async function pageScope(
  scope: FastifyInstance,
  site: Site,
  takesForeign: (url: string | undefined) => boolean = () => false,
): Promise<() => void> {
  const { service } = site;
  scope.setErrorHandler((error, request, reply) => showProblem(new Page(site, request, reply), error));
  service.answers.hold(scope);
  parseForms(scope);
  refuseImpersonated(scope, service);
  if (!scope.hasPlugin("strict-headers")) await scope.register(strictHeaders);
  scope.addHook("onRequest", async (request) => {
    if (!takesForeign(request.routeOptions.url)) refuseCrossOrigin(service, request);
  });
  const { requests: max, store } = service.settings.rateLimit;
  if (!scope.hasDecorator("rateLimit")) {
    await scope.register(rateLimit, { max, store, identity: service.identity });
  }
  scope.setNotFoundHandler(async (request, reply) => {
    await service.answers.inTime(reply, () => guardPublic(service, request, reply));
    const place = withoutSlash(scope, request);
    if (place !== undefined) return reply.header("cache-control", "no-store").redirect(place, 308);
    throw new IdentityProblem("NOT_FOUND");
  });
  return trackMethods(scope);
}

/** Address of the page that somebody means who types a slash behind it. */
function withoutSlash(scope: FastifyInstance, { method, url }: FastifyRequest): string | undefined {
  const [, path, query = ""] = /^([^?]*[^?/])\/(\?.*)?$/.exec(url) ?? [];
  if (path === undefined || (method !== "GET" && method !== "HEAD")) return undefined;
  return scope.hasRoute({ method: "GET", url: path }) ? path + query : undefined;
}

/** The pages for people, in a scope of their own. */
export async function servePages(
  scope: FastifyInstance,
  service: Service,
  settings: PageSettings,
  { site, serveMore }: PagesOfApp,
): Promise<void> {
  const refuseOtherMethods = await pageScope(scope, site, (url) => isProviderAnswer(site, url));
  servePage(scope, site, signIn.signInPage);
  if (settings.signUp) servePage(scope, site, accounts.signUpPage);
  servePage(scope, site, accounts.checkMailPage);
  servePage(scope, site, challengePage);
  if (service.providers.length > 0) {
    servePage(scope, site, leavePage);
    servePage(scope, site, providersPage);
    serveCallbacks(scope, site);
  }
  servePage(scope, site, signIn.signedInPage);
  servePage(scope, site, signIn.signOutPage);
  if (hasImpersonation(service)) servePage(scope, site, impersonationPage);
  servePage(scope, site, accounts.forgottenPasswordPage);
  servePage(scope, site, accounts.resetPasswordPage);
  servePage(scope, site, accounts.verifyEmailPage);
  servePage(scope, site, email.emailChangePage);
  servePage(scope, site, email.confirmEmailPage);
  servePage(scope, site, email.undoEmailPage);
  servePage(scope, site, reportSignInPage);
  servePage(scope, site, recovery.recoverPage);
  servePage(scope, site, recovery.finishRecoveryPage);
  servePage(scope, site, recovery.cancelRecoveryPage);
  servePage(scope, site, profile.profilePage);
  servePage(scope, site, profile.passwordPage);
  servePage(scope, site, profile.confirmPage);
  servePage(scope, site, security.securityPage);
  servePage(scope, site, security.allowlistPage);
  servePage(scope, site, factors.authenticatorPage);
  servePage(scope, site, factors.removeAuthenticatorPage);
  servePage(scope, site, factors.recoveryCodesPage);
  if (site.hasApps) {
    servePage(scope, site, appsPage);
    servePage(scope, site, ownAppsPage);
    servePage(scope, site, appUsagePage);
  }
  servePage(scope, site, apiKeysPage);
  servePage(scope, site, apiKeyShownPage);
  servePage(scope, site, records.activityPage);
  servePage(scope, site, records.usagePage);
  servePage(scope, site, records.dataPage);
  if (settings.demo) servePage(scope, site, demoPage(settings.demo));
  serveMore(scope);
  refuseOtherMethods();
}
