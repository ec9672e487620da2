import type { FastifyInstance, FastifyReply, RouteHandlerMethod } from "fastify";
import { IdentityProblem } from "../flows/problems.js";

/**
 * Waits for what is to be done before an answer begins, no longer than this: a database that takes connections and does not
 * answer would hold a request for as long as each of its commands may wait, and each retry. What was begun goes on.
 */
export function inTime<T>(timeoutMs: number, reply: FastifyReply, done: PromiseLike<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      if (!reply.raw.headersSent) reject(new IdentityProblem("TIMED_OUT"));
    }, timeoutMs);
    done.then(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      (error) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });
}

/** Answers requests for the routes of a scope in time; those that say `takesLong` begin to answer when they are done. */
export function answerInTime(scope: FastifyInstance, timeoutMs: number): void {
  scope.addHook("onRoute", (route) => {
    if (route.config && "takesLong" in route.config) return;
    const { handler } = route;
    const bounded: RouteHandlerMethod = function (request, reply) {
      const answer: unknown = handler.call(this, request, reply);
      // An answer that was sent at once needs no waiting.
      return isPending(answer) && !reply.sent ? inTime(timeoutMs, reply, answer) : answer;
    };
    route.handler = bounded;
  });
}

const isPending = (answer: unknown): answer is PromiseLike<unknown> =>
  typeof answer === "object" && answer !== null && "then" in answer;
