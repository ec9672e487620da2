import type { Readable } from "node:stream";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { StreamMessage } from "../http/event-stream.js";
import { type ActingNow, type AdminContext, type AdminEvent, noteRead } from "./acting.js";
import type { Permission } from "./permissions.js";
import { stillMay } from "./still-may.js";

/** What a client follows. */
interface Followed {
  readonly acting: ActingNow;
  readonly permission: Permission;
  readonly event: AdminEvent;
  /** @param from - `Last-Event-ID` of a client that comes back. */
  source(from: string | undefined, signal: AbortSignal): AsyncIterable<StreamMessage>;
}

/**
 * Answers with a stream of server-sent events, which no proxy keeps or collects. HEAD opens none (RFC 9110 section 9.3.2).
 *
 * @returns its body, to be sent.
 * @throws IdentityProblem `STREAM_LIMIT`, `NOT_READY`; IdentityError `AUDIT_NOT_WRITTEN`; what `source` throws.
 */
export async function answerStream(
  { streams }: AdminContext,
  request: FastifyRequest,
  reply: FastifyReply,
  { acting, permission, event, source }: Followed,
): Promise<Readable | ""> {
  const { "last-event-id": from } = request.headers;
  const type = "text/event-stream";
  if (request.method === "HEAD") {
    reply.type(type).header("cache-control", "no-store");
    return "";
  }
  await noteRead(acting, event);
  const body = streams.open(
    {
      userId: acting.userId,
      mayGoOn: stillMay(acting, permission),
      onError: (err) => request.log.error({ err }, "a stream of the admin area failed"),
    },
    (signal) => source(typeof from === "string" && from !== "" ? from : undefined, signal),
  );
  reply.type(type).headers({ "cache-control": "no-store", "x-accel-buffering": "no" });
  // A connection that is kept alive would hold up the server that closes: its stream ends after idle ones were closed.
  if (request.raw.httpVersionMajor === 1) reply.header("connection", "close");
  return body;
}
