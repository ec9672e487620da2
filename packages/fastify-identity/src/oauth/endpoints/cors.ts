import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

/** How long browsers may keep the answer to a preflight, seconds. */
const preflightAge = 7_200;

/**
 * Answers a preflight (Fetch standard). It names no client, so that every origin may ask; the answer to the request itself
 * can be read only by the origins of its client. Any header may come with it: pages that trace their requests send their own,
 * and we read none of them. The wildcard does not stand for `authorization`; browsers that don't know it have the names.
 */
function answerPreflight(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { origin } = request.headers;
  const allowed = {
    "access-control-allow-origin": origin ?? "",
    "access-control-allow-methods": "GET, POST",
    "access-control-allow-headers": "authorization, content-type, dpop, *",
    "access-control-max-age": String(preflightAge),
  };
  return reply
    .headers({ vary: "Origin", "cache-control": "no-store", ...(origin !== undefined && allowed) })
    .code(204)
    .send();
}

/** Counted by no limit: what it costs is less than counting it. */
const publicRoute = {
  config: { identity: "public", impersonated: true, rateLimit: false },
  schema: { hide: true } as object,
} as const;

/** Lets pages ask before they send a request to this path that is no simple one. */
export function servePreflight(scope: FastifyInstance, path: string): void {
  scope.options(path, publicRoute, async (request, reply) => answerPreflight(request, reply));
}

/** Lets the page of an origin read an answer, where it is one of the client's. Never with cookies. */
export function allowOrigin(
  request: FastifyRequest,
  reply: FastifyReply,
  origins: readonly string[] | undefined,
): void {
  reply.header("vary", "Origin");
  const { origin } = request.headers;
  if (origin === undefined || !origins?.includes(origin)) return;
  reply.headers({
    "access-control-allow-origin": origin,
    "access-control-expose-headers": "DPoP-Nonce, WWW-Authenticate, Retry-After, RateLimit, RateLimit-Policy",
    "cross-origin-resource-policy": "cross-origin",
  });
}
