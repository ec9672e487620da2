import { clientAddressOf } from "@org/fastify-identity/http";
import { type FastifyReply, type FastifyRequest, type FastifyServerOptions, LogController } from "fastify";
import type { AppDeps } from "./deps.js";

/** Places where a secret could come by. Nothing logs them today; this holds when somebody logs more tomorrow. */
const secrets = [
  ".authorization",
  ".cookie",
  '["set-cookie"]',
  ".password",
  ".token",
  ".key",
  '["x-api-key"]',
];
const redactedPaths = secrets.flatMap((name) => [name.replace(/^\./, ""), `*${name}`, `*.*${name}`]);

/** Structured log lines without secrets, bodies, query strings or error properties other than code and stack. */
export function loggerOptions({ config, logStream }: Pick<AppDeps, "config" | "logStream">) {
  return {
    level: config.logLevel,
    redact: { paths: redactedPaths, censor: "[redacted]" },
    serializers: { req: describeRequest, res: describeReply, err: describeError },
    ...(logStream && { stream: logStream }),
  } satisfies FastifyServerOptions["logger"];
}

/** One line a request, when it is done, instead of two. */
export class AccessLog extends LogController {
  override incomingRequest(): void {}

  override requestCompleted(error: Error | null, request: FastifyRequest, reply: FastifyReply): void {
    const facts = { req: request, res: reply, responseTime: reply.elapsedTime };
    if (error) request.log.error({ ...facts, err: error }, "request failed");
    else request.log.info(facts, "request completed");
  }
}

function describeRequest(request: FastifyRequest) {
  return {
    method: request.method,
    route: request.routeOptions?.url,
    ip: clientAddressOf(request) ?? request.ip,
  };
}

function describeReply(reply: { statusCode: number }) {
  return { statusCode: reply.statusCode };
}

interface LoggedError {
  [key: string]: unknown;
  type: string;
  message: string;
  stack: string;
}

// An allow-list, because drivers and validators hang documents, hence personal data, on their errors.
function describeError(error: Error & { code?: unknown }, depth = 0): LoggedError {
  const { name, message, stack, code, cause } = error;
  return {
    type: name,
    message,
    stack: stack ?? "",
    ...(code !== undefined && { code }),
    ...(cause instanceof Error && depth < 5 && { cause: describeError(cause, depth + 1) }),
  };
}
