import { randomUUID } from "node:crypto";
import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { IdentityProblem, type ProblemCode } from "@org/fastify-identity";
import { problemOf } from "@org/fastify-identity/http";
import type { ConnectionError, FastifyInstance } from "fastify";

/** Node refuses some requests before there is one to route: by the parser's and the server's own codes. */
const codes: Readonly<Record<string, ProblemCode>> = {
  ERR_HTTP_REQUEST_TIMEOUT: "REQUEST_TIMEOUT",
  HPE_HEADER_OVERFLOW: "HEADERS_TOO_LARGE",
};

/** Answers a request that can't be read as every other error, with problem details, and closes the connection. */
export function answerClientError(this: FastifyInstance, error: ConnectionError, socket: Socket): void {
  // Nobody listens any more.
  if (error.code === "ECONNRESET" || socket.destroyed) return;
  const requestId = randomUUID();
  const problem = problemOf(new IdentityProblem(codeOf(error)), requestId);
  const { status: statusCode, code } = problem;
  const facts = { reqId: requestId, cause: error.code, code, res: { statusCode } };
  this.log.info({ ...facts, req: { ip: socket.remoteAddress } }, "a request could not be read");
  if (socket.writable) socket.write(messageOf(statusCode, JSON.stringify(problem), requestId));
  socket.destroy();
}

/** A request line whose method is a token (RFC 9110 section 9.1), unlike what is no HTTP at all. */
const requestLine = /^[!#$%&'*+.^_`|~\w-]+ \S+ HTTP\/1\.[01]\r?\n/;

function codeOf({ code, rawPacket }: ConnectionError & { rawPacket?: unknown }): ProblemCode {
  const isForeign = code === "HPE_INVALID_METHOD" && Buffer.isBuffer(rawPacket);
  if (isForeign && requestLine.test(rawPacket.toString("latin1", 0, 8_192))) return "NOT_IMPLEMENTED";
  return codes[code] ?? "MALFORMED_REQUEST";
}

function messageOf(status: number, body: string, requestId: string): string {
  const headers = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    "content-type: application/problem+json; charset=utf-8",
    `content-length: ${Buffer.byteLength(body)}`,
    "cache-control: no-store",
    "x-content-type-options: nosniff",
    `x-request-id: ${requestId}`,
    `date: ${new Date().toUTCString()}`,
    "connection: close",
  ];
  return `${headers.join("\r\n")}\r\n\r\n${body}`;
}
