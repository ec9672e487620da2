import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { stateOf } from "../requests.js";

/**
 * Calls back once for each request: when its answer was sent, or its client has hung up before. Fastify's `onResponse` alone
 * would let a client that hangs up leave no trace.
 */
export function whenAnswered(
  app: FastifyInstance,
  act: (request: FastifyRequest, reply: FastifyReply) => void,
): void {
  const actOnce = (request: FastifyRequest, reply: FastifyReply) => {
    const state = stateOf(request);
    if (state.isAnswered) return;
    state.isAnswered = true;
    act(request, reply);
  };
  app.addHook("onRequest", (request, reply, done) => {
    reply.raw.on("close", () => actOnce(request, reply));
    done();
  });
  // By a callback: a promise for each request is worth more than what is done here.
  app.addHook("onResponse", (request, reply, done) => {
    actOnce(request, reply);
    done();
  });
}
