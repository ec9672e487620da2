import type { FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { factFrom } from "../../flows/given.js";
import { type IdentityProblem, type Problem, problemOf, toProblem } from "../../flows/problems.js";
import type { ProblemAnswer } from "../../options.js";

/** Seconds after which a client may try again what failed for a reason that passes. */
const retryAfterSeconds = 1;

const presentedInvalid: ReadonlySet<string> = new Set([
  "SESSION_INVALID",
  "API_KEY_INVALID",
  "ACCESS_TOKEN_INVALID",
]);

type Format = (problem: Problem, request: FastifyRequest) => ProblemAnswer;

const problemDetails: Format = (problem) => ({
  contentType: "application/problem+json",
  body: JSON.stringify(problem),
});

/** A format that fails must not hide what happened, nor answer with its own failure: no header takes a line break. */
const answerSchema = z.object({ contentType: z.string().regex(/^[\x20-\x7e]+$/), body: z.string() });

/**
 * Answers one error with problem details (RFC 9457); the cause goes to the log and nowhere else. Serves as an error handler,
 * and where Fastify gives up before there is a route.
 */
export function answerError(thrown: unknown, request: FastifyRequest, reply: FastifyReply): void {
  answerProblem(thrown, request, reply, problemDetails);
}

/** Answers one error in a format of the application's. */
export function answerProblem(
  thrown: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  format: Format = problemDetails,
): void {
  const error = toProblem(thrown);
  const problem = problemOf(error, request.id);
  if (problem.status >= 500) request.log.error({ err: thrown, code: error.code }, "answered with an error");
  else request.log.debug({ err: thrown, code: error.code }, "refused");
  const otherwise = problemDetails(problem, request);
  const given = { part: "errorFormat", shape: answerSchema, otherwise };
  const { contentType, body } = factFrom(request.log, given, () => format(problem, request));
  void reply
    .code(problem.status)
    // Said again, because an address that can't be read is refused before any hook runs.
    .headers({ "cache-control": "no-store", "x-request-id": request.id })
    .headers(headersOf(error))
    .type(contentType)
    .send(body);
}

/** The headers that belong to a problem. */
export function headersOf(error: IdentityProblem): Record<string, string> {
  const { code, statusCode: status } = error;
  const { retryAfterMs, scope, acr, maxAgeMs } = error.members;
  if (typeof retryAfterMs === "number") return { "retry-after": String(Math.ceil(retryAfterMs / 1_000)) };
  if (status === 503) return { "retry-after": String(retryAfterSeconds) };
  // RFC 6750 section 3.1: a token with other rights would be let through.
  if (code === "INSUFFICIENT_SCOPE" || code === "CREDENTIAL_NOT_ACCEPTED") {
    const wanted = typeof scope === "string" ? `, scope="${scope}"` : "";
    return { "www-authenticate": `Bearer realm="identity", error="insufficient_scope"${wanted}` };
  }
  if (
    code === "INSUFFICIENT_USER_AUTHENTICATION" ||
    code === "SECOND_FACTOR_REQUIRED" ||
    code === "RECENT_AUTHENTICATION_REQUIRED"
  ) {
    // RFC 9470 section 3: 401 for access tokens. A session has a good token, and another one would not help: 403.
    const values = typeof acr === "number" ? `, acr_values="${acr}"` : "";
    const age = typeof maxAgeMs === "number" ? `, max_age="${Math.floor(maxAgeMs / 1_000)}"` : "";
    const challenge = `Bearer realm="identity", error="insufficient_user_authentication"${values}${age}`;
    return { "www-authenticate": challenge };
  }
  if (status !== 401) return {};
  const { scheme, reason } = error.members;
  if (scheme === "DPoP") {
    const dpopErrors: readonly unknown[] = ["invalid_dpop_proof", "use_dpop_nonce"];
    const name = dpopErrors.includes(reason) ? String(reason) : "invalid_token";
    return { "www-authenticate": `DPoP realm="identity", error="${name}", algs="ES256 EdDSA RS256 PS256"` };
  }
  // RFC 6750 section 3: no error code unless a token was presented.
  const suffix = presentedInvalid.has(code) ? ', error="invalid_token"' : "";
  return { "www-authenticate": `Bearer realm="identity"${suffix}` };
}
