import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { IdentityProblem, toProblem } from "../../flows/problems.js";
import { headersOf } from "../../http/answers/errors.js";
import { trackMethods } from "../../http/answers/method-not-allowed.js";
import { writeOwnAnswers } from "../../http/answers/own-answers.js";
import { strictHeaders } from "../../http/answers/strict-headers.js";
import { refuseImpersonated } from "../../http/guards/impersonated.js";
import { named } from "../../http/named.js";
import { rateLimit } from "../../http/rate-limit.js";
import { Page } from "../../pages/page.js";
import { showProblem } from "../../pages/serve/serve-page.js";
import { invalidRequest, OAuthError } from "../oauth-error.js";
import { endpoints, type Provider } from "../provider.js";
import { subjectOf } from "../tokens/client-assertion.js";
import { authorize, authorizeByPost } from "./authorize.js";
import { allowOrigin, servePreflight } from "./cors.js";
import { descriptions } from "./descriptions.js";
import { authorizeDevice } from "./device.js";
import { introspect, revoke } from "./inspect.js";
import { logout, logoutByPost } from "./logout.js";
import { cacheable } from "./metadata.js";
import { Parameters } from "./parameters.js";
import { push } from "./push.js";
import { token } from "./token-endpoint.js";
import { userInfo } from "./user-info.js";

type Handler = (provider: Provider, request: FastifyRequest, reply: FastifyReply) => Promise<unknown>;

/** The endpoints, in a scope of their own: their parser, errors and headers hold nowhere else. */
export async function serveEndpoints(scope: FastifyInstance, provider: Provider): Promise<void> {
  const { service } = provider;
  scope.setErrorHandler((error, request, reply) => answerError(error as Error, request, reply));
  service.answers.hold(scope);
  parseForms(scope);
  refuseImpersonated(scope, service);
  writeOwnAnswers(scope);
  // The schemas are for documents: what is wrong with a request, and how to say so, is the endpoint's.
  scope.setValidatorCompiler(() => () => true);
  scope.setSerializerCompiler(() => (answer) => JSON.stringify(answer));
  if (!scope.hasPlugin("strict-headers")) await scope.register(strictHeaders);
  const { requests: max, store } = service.settings.rateLimit;
  if (!scope.hasDecorator("rateLimit")) {
    await scope.register(rateLimit, { max, store, identity: service.identity });
  }
  const refuseOtherMethods = trackMethods(scope);
  scope.get(endpoints.keys, descriptions.keys, async (_request, reply) =>
    cacheable(reply).send(JSON.stringify({ keys: await provider.keys.publicKeys() })),
  );
  servePreflight(scope, endpoints.keys);
  const forBrowsers = async (browsers: FastifyInstance) => {
    browsers.setErrorHandler((error, request, reply) => showError(provider, error as Error, request, reply));
    serveForBrowsers(browsers, provider, "authorize", authorize, authorizeByPost);
    serveForBrowsers(browsers, provider, "logout", logout, logoutByPost);
  };
  await scope.register(named("OAuth endpoints for browsers", forBrowsers));
  serveForPrograms(scope, provider, "token", token);
  serveForPrograms(scope, provider, "revoke", revoke);
  serveForPrograms(scope, provider, "push", push);
  serveForPrograms(scope, provider, "device", authorizeDevice);
  serveForPrograms(scope, provider, "introspect", introspect);
  serveUserInfo(scope, provider);
  refuseOtherMethods();
}

function serveForBrowsers(
  scope: FastifyInstance,
  provider: Provider,
  endpoint: "authorize" | "logout",
  get: Handler,
  post: Handler,
): void {
  const path = endpoints[endpoint];
  // HEAD must not use anything up.
  const options = { exposeHeadRoute: false, logLevel: "warn" } as const;
  const byGet = { ...descriptions[endpoint], ...options };
  const byPost = { ...descriptions[`${endpoint}ByPost`], ...options };
  scope.get(path, byGet, (request, reply) => get(provider, request, reply));
  scope.post(path, byPost, (request, reply) => {
    if (!(request.body instanceof Parameters)) throw invalidRequest("the request must be a form");
    return post(provider, request, reply);
  });
}

function serveForPrograms(
  scope: FastifyInstance,
  provider: Provider,
  endpoint: "token" | "revoke" | "push" | "device" | "introspect",
  handler: Handler,
): void {
  const path = endpoints[endpoint];
  servePreflight(scope, path);
  scope.post(path, descriptions[endpoint], async (request, reply) => {
    const { body } = request;
    if (!(body instanceof Parameters)) throw invalidRequest("the request must be a form");
    await allowOriginOfClient(provider, request, reply, body);
    // Nothing that stands in an address stays secret.
    if (!Parameters.fromQuery(request.url).isEmpty) throw invalidRequest("parameters belong into the body");
    body.assertValid();
    const answer = await handler(provider, request, reply);
    // A revocation has nothing to say (RFC 7009 section 2.2); clients that read JSON only take an empty object for it.
    return noStore(reply).send(answer ?? {});
  });
}

function serveUserInfo(scope: FastifyInstance, provider: Provider): void {
  servePreflight(scope, endpoints.userInfo);
  scope.route({
    ...descriptions.userInfo,
    method: ["GET", "POST"],
    url: endpoints.userInfo,
    exposeHeadRoute: false,
    handler: async (request, reply) => noStore(reply).send(await userInfo(provider, request, reply)),
  });
}

const noStore = (reply: FastifyReply): FastifyReply =>
  reply.headers({ "cache-control": "no-store", pragma: "no-cache", "x-content-type-options": "nosniff" });

/** The origins of the client that a request names, whether or not it shows that it is that client. */
async function allowOriginOfClient(
  { service }: Provider,
  request: FastifyRequest,
  reply: FastifyReply,
  parameters: Parameters,
): Promise<void> {
  if (request.headers.origin === undefined) return allowOrigin(request, reply, undefined);
  const named =
    parameters.one("client_id") ?? basicName(request) ?? subjectOf(parameters.one("client_assertion") ?? "");
  const known = await service.identity.oauth.findClient(named);
  allowOrigin(request, reply, known?.client.origins);
}

function basicName({ headers }: FastifyRequest): string | undefined {
  const [, encoded] = /^Basic +(\S+)$/i.exec(headers.authorization ?? "") ?? [];
  return encoded && Buffer.from(encoded, "base64").toString("utf8").split(":")[0];
}

/** Takes forms in UTF-8 and nothing else. */
function parseForms(scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers();
  const form = "application/x-www-form-urlencoded";
  scope.addContentTypeParser(form, { parseAs: "buffer" }, (_request, body, done) => {
    done(null, Parameters.fromForm((body as Buffer).toString("latin1")));
  });
  scope.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) =>
    done((body as Buffer).length === 0 ? null : invalidRequest("the request must be a form"), undefined),
  );
}

/** What the service itself can't do, by the code of the problem. */
const statusErrors: Readonly<Record<number, "temporarily_unavailable" | "server_error">> = {
  429: "temporarily_unavailable",
  503: "temporarily_unavailable",
};

/** People see a page, whatever is wrong with the address that an app has sent them to. */
function showError(
  { site }: Provider,
  error: Error,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const shown =
    error instanceof OAuthError ? new IdentityProblem("MALFORMED_REQUEST", {}, { cause: error }) : error;
  return showProblem(new Page(site, request, reply), shown);
}

function answerError(
  error: Error | FastifyError,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  allowAnyOrigin(request, reply);
  if (error instanceof OAuthError) {
    if (error.headers["www-authenticate"] === undefined && error.statusCode === 401) {
      reply.header("www-authenticate", 'Basic realm="oauth"');
    }
    return send(reply.headers(error.headers), error.statusCode, error.error, error.message);
  }
  const problem = toProblem(error);
  const { statusCode, code } = problem;
  if (statusCode >= 500) request.log.error({ err: error, code }, "answered with an error");
  const { "retry-after": wait } = headersOf(problem);
  if (wait !== undefined) reply.header("retry-after", wait);
  const name = statusErrors[statusCode] ?? (statusCode >= 500 ? "server_error" : "invalid_request");
  return send(reply, statusCode, name, new IdentityProblem(code).message);
}

/** What was refused before its client was known says nothing of it, and every page may read why. */
function allowAnyOrigin(request: FastifyRequest, reply: FastifyReply): void {
  const { origin } = request.headers;
  if (origin !== undefined && !reply.hasHeader("vary")) allowOrigin(request, reply, [origin]);
}

function send(reply: FastifyReply, status: number, error: string, description: string): FastifyReply {
  const ascii = description.replace(/[^\x20\x21\x23-\x5b\x5d-\x7e]/g, " ");
  return noStore(reply).code(status).send({ error, error_description: ascii });
}
