import type { FastifyInstance, FastifyRequest } from "fastify";
import { type Requirement, requirementOf } from "../../access.js";
import { OptionsError } from "../../flows/options.js";
import { IdentityProblem } from "../../flows/problems.js";
import type { Service } from "../../service.js";
import { guard } from "./guard.js";

/**
 * Guards routes by their `config.identity`. It runs before the body is parsed, and after the rate limit, which counts in a
 * hook of the route and hence after every hook of the same name of the app.
 */
export function guardDeclaredAccess(app: FastifyInstance, service: Service): void {
  const { requireDeclaredAccess } = service.settings;
  const read = new Map<unknown, Requirement | undefined>();
  const requirementFor = (access: unknown, route: string) => {
    if (!read.has(access)) read.set(access, requirementOf(access, route));
    return read.get(access);
  };
  app.addHook("onRoute", ({ config, method, url }) => {
    const access = config?.identity;
    const route = `${method} ${url}`;
    if (access !== undefined) requirementFor(access, route);
    else if (requireDeclaredAccess)
      throw new OptionsError(
        `Cannot add ${route}: it does not say who may use it. Declare config.identity, "public" for everybody.`,
      );
  });
  app.addHook("preParsing", async (request, reply) => {
    const access = request.routeOptions.config.identity;
    // A route that was added before this plugin was ready has passed no check.
    if (access === undefined) return refuseUndeclared(requireDeclaredAccess, request);
    const requirement = requirementFor(access, `${request.method} ${request.routeOptions.url}`);
    if (requirement) await guard(service, requirement, request, reply);
  });
}

function refuseUndeclared(required: boolean, request: FastifyRequest): void {
  if (required && !request.is404) throw new IdentityProblem("ACCESS_NOT_DECLARED");
}
