import type { FastifyInstance } from "fastify";
import { type FastifyPluginAsyncZod, serializerCompiler, validatorCompiler } from "fastify-type-provider-zod";
import type { AdminContext } from "../admin/acting.js";
import { adminRoutes } from "../admin/routes/index.js";
import { type RouteGroup, routeGroups } from "../options.js";
import { routesOf } from "../routes/index.js";
import type { Service, ServiceOptions } from "../service.js";
import { answerProblem } from "./answers/errors.js";
import { parseStrictJson } from "./answers/json-body.js";
import type { MethodsOfPath } from "./answers/known-paths.js";
import { trackMethods } from "./answers/method-not-allowed.js";
import { writeOwnAnswers } from "./answers/own-answers.js";
import { securityHeaders } from "./answers/security-headers.js";
import { strictHeaders } from "./answers/strict-headers.js";
import { refuseImpersonated } from "./guards/impersonated.js";
import { refuseCrossOrigin } from "./guards/same-origin.js";
import { named } from "./named.js";
import { rateLimit } from "./rate-limit.js";

/**
 * The plugin's own routes in a scope of their own: its error format, parser, schemas and defences hold there and nowhere
 * else. What the application has registered for all its routes (helmet, a rate limit) is used instead of another one.
 */
export async function ownRoutes(
  scope: FastifyInstance,
  service: Service,
  admin: AdminContext | undefined,
): Promise<void> {
  const { errorFormat, routes } = service.settings;
  scope.setErrorHandler((error, request, reply) => answerProblem(error, request, reply, errorFormat));
  scope.setValidatorCompiler(validatorCompiler);
  scope.setSerializerCompiler(serializerCompiler);
  service.answers.hold(scope);
  parseStrictJson(scope);
  refuseImpersonated(scope, service);
  writeOwnAnswers(scope);
  if (!scope.hasReplyDecorator("helmet")) await scope.register(securityHeaders);
  if (!scope.hasPlugin("strict-headers")) await scope.register(strictHeaders);
  // Signing in is included, or a page could sign its visitor in as somebody else.
  scope.addHook("onRequest", async (request) => refuseCrossOrigin(service, request));
  const { requests: max, store } = service.settings.rateLimit;
  if (!scope.hasDecorator("rateLimit")) {
    await scope.register(rateLimit, { max, store, identity: service.identity });
  }
  const leftOut = routeGroups.filter((group) => !routes.includes(group));
  const refuseOtherMethods = trackMethods(scope, await methodsOf(leftOut, service));
  for (const group of routes) await scope.register(named(`${group} routes`, routesOf[group]), { service });
  if (admin)
    await scope.register(named("administration routes", adminRoutes), { context: admin, prefix: "/admin" });
  refuseOtherMethods();
}

type Add = (url: string) => void;

interface Recorder extends Record<"get" | "post" | "put" | "patch" | "delete", Add> {
  register(routes: FastifyPluginAsyncZod<ServiceOptions>, options: ServiceOptions): Promise<void>;
}

/** The methods that groups of routes would take: an application that leaves them out may have routes there. */
async function methodsOf(groups: readonly RouteGroup[], service: Service): Promise<MethodsOfPath> {
  const methods = new Map<string, Set<string>>();
  const record =
    (...names: readonly string[]): Add =>
    (url) => {
      methods.set(url, new Set([...(methods.get(url) ?? []), ...names]));
    };
  const recorder: Recorder = {
    get: record("GET", "HEAD"),
    post: record("POST"),
    put: record("PUT"),
    patch: record("PATCH"),
    delete: record("DELETE"),
    register: async (routes, options) => routes(recorder as never, options),
  };
  for (const group of groups) await recorder.register(routesOf[group], { service });
  return methods;
}
