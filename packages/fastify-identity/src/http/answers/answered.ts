import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

/**
 * Calls back once for each request: when its answer was sent, or its client has hung up before. Fastify's `onResponse` alone
 * would let a client that hangs up leave no trace.
 */
export function whenAnswered(
  app: FastifyInstance,
  act: (request: FastifyRequest, reply: FastifyReply) => void,
): void {
  const answered = new WeakSet<FastifyRequest>();
  const actOnce = (request: FastifyRequest, reply: FastifyReply) => {
    if (answered.has(request)) return;
    answered.add(request);
    act(request, reply);
  };
  app.addHook("onRequest", (request, reply, done) => {
    reply.raw.once("close", () => actOnce(request, reply));
    done();
  });
  app.addHook("onResponse", async (request, reply) => actOnce(request, reply));
}
