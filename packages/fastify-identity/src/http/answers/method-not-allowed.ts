// 405 with `Allow` for the methods that a known path does not take (RFC 9110 section 15.5.6), by one route of a scope.
import { METHODS } from "node:http";
import type { FastifyInstance, FastifyRequest, HTTPMethods, RouteOptions } from "fastify";
import { IdentityProblem } from "../../flows/problems.js";
import { KnownPaths, type MethodsOfPath } from "./known-paths.js";

/** Has the router know every method that Node can read, so that none of them is taken for an unknown address. */
export function knowAllMethods(app: FastifyInstance): void {
  const known: readonly string[] = app.supportedMethods;
  // CONNECT asks for a tunnel, and is no request to a resource.
  for (const method of METHODS)
    if (!known.includes(method) && method !== "CONNECT") app.addHttpMethod(method);
}

/**
 * Notes the methods of each path from now on. Call the function that it returns after the last route: known paths
 * then answer 405 with `Allow` to every other method, instead of 404.
 *
 * @param free - methods that are left to others, which may add routes for them, by the path without the scope's prefix.
 */
export function trackMethods(app: FastifyInstance, free: MethodsOfPath = new Map()): () => void {
  const methodsOfPath = new Map<string, Set<string>>();
  let ended = false;
  app.addHook("onRoute", ({ url, method }) => {
    if (ended) return;
    const methods = methodsOfPath.get(url) ?? new Set<string>();
    for (const one of [method].flat()) methods.add(one);
    methodsOfPath.set(url, methods);
  });
  return () => {
    ended = true;
    refuseOthers(app, methodsOfPath, free);
  };
}

/** Whether a route is for a request of its methods and address. */
type Predicate = (request: FastifyRequest["raw"]) => boolean;

function refuseOthers(app: FastifyInstance, methodsOfPath: MethodsOfPath, free: MethodsOfPath): void {
  const paths = new KnownPaths(app, methodsOfPath);
  // The scope puts its prefix before every route that it adds.
  const within = (path: string) => path.slice(app.prefix.length);
  const isRefused = (path: string, method: string) =>
    !methodsOfPath.get(path)?.has(method) && !free.get(within(path))?.has(method);
  const refuse = (route: Pick<RouteOptions, "url" | "method" | "constraints">) =>
    app.route({
      ...route,
      config: { identity: "public" },
      schema: { hide: true },
      // Before a body is looked for: what is wrong with it does not matter.
      onRequest: async (request, reply) => {
        reply.header("allow", [...(paths.find(request.url)?.methods ?? [])].join(", "));
        throw new IdentityProblem("METHOD_NOT_ALLOWED");
      },
      handler: (_request, reply) => reply.send(),
    });
  const applies: Predicate = ({ method = "", url = "" }) => {
    const known = paths.find(url);
    return known !== undefined && isRefused(known.path, method);
  };
  const method = app.supportedMethods as HTTPMethods[];
  const constraints = constraintOf(app, applies);
  refuse({ url: "/*", method: [...method], constraints });
  if (methodsOfPath.has(app.prefix)) refuse({ url: "", method: [...method], constraints });
  // Where a pattern takes the path as well, the router finds the pattern's methods before a wildcard.
  for (const path of methodsOfPath.keys()) {
    const taken = [...paths.methodsOfPatterns(path)].filter((one) => isRefused(path, one));
    if (taken.length > 0) refuse({ url: within(path), method: taken as HTTPMethods[] });
  }
}

const constraintName = "identityPredicate";

/**
 * A constraint of the router by which a route takes the requests that a predicate accepts, and leaves others to routes of the
 * same address without one. A route for each path and method would cost more than all others together.
 */
function constraintOf(app: FastifyInstance, applies: Predicate): { [constraintName]: Predicate } {
  if (!app.hasConstraintStrategy(constraintName)) {
    app.addConstraintStrategy({
      name: constraintName,
      storage: predicates,
      deriveConstraint: (request) => request,
    });
  }
  return { [constraintName]: applies };
}

/** What the router keeps by predicate, which it asks for by one of them, or by a request. */
function predicates<Kept>() {
  const kept = new Map<unknown, Kept>();
  return {
    get: (asked: unknown) => {
      if (typeof asked === "function") return kept.get(asked) ?? null;
      for (const [applies, one] of kept)
        if ((applies as Predicate)(asked as FastifyRequest["raw"])) return one;
      return null;
    },
    set: (predicate: unknown, one: Kept) => void kept.set(predicate, one),
  };
}
