import { METHODS } from "node:http";
import type { FastifyInstance, HTTPMethods } from "fastify";
import { IdentityProblem } from "../../flows/problems.js";

/** Has the router know every method that Node can read, so that none of them is taken for an unknown address. */
export function knowAllMethods(app: FastifyInstance): void {
  const known: readonly string[] = app.supportedMethods;
  // CONNECT asks for a tunnel, and is no request to a resource.
  for (const method of METHODS)
    if (!known.includes(method) && method !== "CONNECT") app.addHttpMethod(method);
}

/** Methods by path. */
export type MethodsOfPath = ReadonlyMap<string, ReadonlySet<string>>;

/**
 * Notes the methods of each path from now on. Call the function that it returns after the last route: known paths
 * then answer 405 with `Allow` to every other method, instead of 404.
 *
 * @param free - methods that are left to others, which may add routes for them.
 */
export function trackMethods(app: FastifyInstance, free: MethodsOfPath = new Map()): () => void {
  const methodsOfPath = new Map<string, Set<string>>();
  app.addHook("onRoute", ({ url: whole, method }) => {
    // The scope puts its prefix before every route that it adds.
    const url = whole.slice(app.prefix.length);
    const methods = methodsOfPath.get(url) ?? new Set<string>();
    for (const one of [method].flat()) methods.add(one);
    methodsOfPath.set(url, methods);
  });
  return () => {
    for (const [url, methods] of [...methodsOfPath]) refuseOthers(app, url, { methods, free: free.get(url) });
  };
}

interface Known {
  readonly methods: ReadonlySet<string>;
  readonly free: ReadonlySet<string> | undefined;
}

function refuseOthers(app: FastifyInstance, url: string, { methods, free }: Known): void {
  const others = app.supportedMethods.filter(
    (method) => !methods.has(method) && !free?.has(method),
  ) as HTTPMethods[];
  const allow = [...methods].join(", ");
  if (others.length === 0) return;
  app.route({
    url,
    method: others,
    config: { identity: "public" },
    schema: { hide: true },
    // Before a body is looked for: what is wrong with it does not matter.
    onRequest: async (_request, reply) => {
      reply.header("allow", allow);
      throw new IdentityProblem("METHOD_NOT_ALLOWED");
    },
    handler: (_request, reply) => reply.send(),
  });
}
