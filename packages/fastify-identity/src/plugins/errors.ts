import type { FastifyReply, FastifyRequest } from "fastify";
import { fastifyPlugin } from "fastify-plugin";
import { type ApiError, problemOf, toApiError } from "../flows/problems.js";

/** Seconds after which a client may try again what failed for a reason that passes. */
const retryAfterSeconds = 1;

/** Answers every error with problem details (RFC 9457). The cause goes to the log and nowhere else. */
export const errors = fastifyPlugin(
  (app, _options, done) => {
    app.setErrorHandler(answerError);
    done();
  },
  { name: "errors" },
);

/** Answers one error. Used as error handler, and where Fastify gives up before there is a route. */
export function answerError(thrown: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const error = toApiError(thrown);
  const problem = problemOf(error, request.id);
  if (problem.status >= 500) request.log.error({ err: thrown, code: error.code }, "answered with an error");
  else request.log.debug({ err: thrown, code: error.code }, "refused");
  void reply
    .code(problem.status)
    // Said again, because an address that can't be read is refused before any hook runs.
    .headers({ "cache-control": "no-store", "x-request-id": request.id })
    .headers(headersOf(error, problem.status))
    .type("application/problem+json")
    .send(JSON.stringify(problem));
}

function headersOf(error: ApiError, status: number): Record<string, string> {
  const { retryAfterMs } = error.members;
  if (typeof retryAfterMs === "number") return { "retry-after": String(Math.ceil(retryAfterMs / 1_000)) };
  if (status === 503) return { "retry-after": String(retryAfterSeconds) };
  if (status !== 401) return {};
  // RFC 6750 section 3: no error code unless a token was presented.
  const presented = error.code === "SESSION_INVALID" || error.code === "API_KEY_INVALID";
  const suffix = presented ? ', error="invalid_token"' : "";
  return { "www-authenticate": `Bearer realm="identity"${suffix}` };
}
