import type { FastifyInstance, FastifyRequest } from "fastify";
import { type Requirement, requirementOf } from "../../access.js";
import { OptionsError } from "../../flows/options.js";
import { IdentityProblem } from "../../flows/problems.js";
import type { Service } from "../../service.js";
import { guard } from "./guard.js";
import { guardPublic } from "./impersonated.js";
import { guardLateBody, hasLateBody, noteGuarded } from "./late-body.js";
import { noteGuardedScope } from "./scoped-routes.js";

/**
 * Guards routes by their `config.identity`. It runs before the body is parsed, and after the rate limit, which counts in a
 * hook of the route and hence after every hook of the same name of the app.
 */
export function guardDeclaredAccess(app: FastifyInstance, service: Service): void {
  const { requireDeclaredAccess } = service.settings;
  noteGuardedScope(app);
  const read = new Map<unknown, Requirement | undefined>();
  const requirementFor = (access: unknown, routeOf: () => string) => {
    const known = read.get(access);
    if (known || read.has(access)) return known;
    const requirement = requirementOf(access, routeOf());
    read.set(access, requirement);
    return requirement;
  };
  app.addHook("onRoute", ({ config, method, url }) => {
    const access = config?.identity;
    const route = `${method} ${url}`;
    if (access !== undefined) requirementFor(access, () => route);
    else if (requireDeclaredAccess)
      throw new OptionsError(
        `Cannot add ${route}: it does not say who may use it. Declare config.identity, "public" for everybody.`,
      );
  });
  const requirementOfRequest = (request: FastifyRequest): Requirement | undefined => {
    const { config, url } = request.routeOptions;
    // A route that was added before this plugin was ready has passed no check.
    if (config.identity !== undefined)
      return requirementFor(config.identity, () => `${request.method} ${url}`);
    if (requireDeclaredAccess && !request.is404) throw new IdentityProblem("ACCESS_NOT_DECLARED");
    return undefined;
  };
  app.addHook("preParsing", (request, reply, payload, done) => {
    let requirement: Requirement | undefined;
    try {
      requirement = requirementOfRequest(request);
    } catch (error) {
      done(error as Error);
      return;
    }
    if (!requirement && request.routeOptions.config.impersonated !== undefined)
      service.answers
        .inTime(reply, () => guardPublic(service, request, reply))
        .then(() => done(null, payload), done);
    else if (!requirement) done(null, payload);
    else
      guard(service, requirement, request, reply).then(() => {
        noteGuarded(request);
        done(null, payload);
      }, done);
  });
  app.addHook("preValidation", (request, reply, done) => {
    const requirement = hasLateBody(request) ? requirementOfRequest(request) : undefined;
    if (!requirement) return done();
    service.answers
      .inTime(reply, () => guardLateBody(service, requirement, request, reply))
      .then(() => done(), done);
  });
}
