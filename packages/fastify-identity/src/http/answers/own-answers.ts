import type { FastifyInstance, FastifyReply } from "fastify";

/**
 * Answers of our routes are ours: they become text before any `preSerialization` hook of the application, which Fastify hands
 * on to every scope within, could wrap them. What was asked for is done by then, and would be answered with an error.
 */
export function writeOwnAnswers(scope: FastifyInstance): void {
  scope.addHook("preHandler", (_request, reply, done) => {
    const send = reply.send.bind(reply);
    reply.send = (payload?: unknown): FastifyReply => {
      if (payload === null) return send();
      if (!isDocument(payload)) return send(payload as never);
      if (!reply.hasHeader("content-type")) reply.type("application/json; charset=utf-8");
      return send(reply.serialize(payload as object) as never);
    };
    done();
  });
}

/** Whether Fastify would serialize it: no text, bytes, stream or error. */
function isDocument(payload: unknown): boolean {
  if (typeof payload !== "object" || payload === null) return false;
  return !(
    payload instanceof Error ||
    ArrayBuffer.isView(payload) ||
    "pipe" in payload ||
    "getReader" in payload
  );
}
