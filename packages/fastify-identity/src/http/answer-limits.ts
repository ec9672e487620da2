/** The bounds of what goes on behind answers: how long each is waited for, and how many there may be. */

import type { FastifyInstance, FastifyReply, RouteHandlerMethod } from "fastify";
import { IdentityProblem } from "../flows/problems.js";

export class AnswerLimits {
  readonly #timeoutMs: number;
  readonly #most: number;
  #unfinished = 0;

  /**
   * @param timeoutMs - time for each answer, milliseconds.
   * @param most - works under way, also behind requests that were answered because they took too long: a database that
   * takes connections and does not answer would else be given more of them until the memory ends.
   */
  constructor(timeoutMs: number, most: number) {
    this.#timeoutMs = timeoutMs;
    this.#most = most;
  }

  /** @throws IdentityProblem `NOT_READY` where no more may be begun. */
  assertRoom(): void {
    if (this.#unfinished >= this.#most) throw new IdentityProblem("NOT_READY", { reason: "overloaded" });
  }

  /**
   * Waits for what is to be done before an answer begins, no longer than the limit: a database that takes connections and
   * does not answer would hold a request for as long as each of its commands may wait, and each retry. What was begun goes on.
   */
  async inTime<T>(reply: FastifyReply, begin: () => PromiseLike<T>): Promise<T> {
    this.assertRoom();
    return this.wait(reply, begin());
  }

  /** {@link inTime} for what has begun. */
  wait<T>(reply: FastifyReply, done: PromiseLike<T>): Promise<T> {
    this.#unfinished += 1;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        if (!reply.raw.headersSent) reject(new IdentityProblem("TIMED_OUT"));
      }, this.#timeoutMs);
      const end = () => {
        this.#unfinished -= 1;
        clearTimeout(timer);
      };
      done.then(
        (value) => {
          end();
          resolve(value);
        },
        (error) => {
          end();
          reject(error);
        },
      );
    });
  }

  /** Answers requests for the routes of a scope within the limits; those that say `takesLong` begin to answer when they are done. */
  hold(scope: FastifyInstance): void {
    const limits = this;
    scope.addHook("onRoute", (route) => {
      if (route.config && "takesLong" in route.config) return;
      const { handler } = route;
      const bounded: RouteHandlerMethod = function (request, reply) {
        limits.assertRoom();
        const answer: unknown = handler.call(this, request, reply);
        // An answer that was sent at once needs no waiting.
        return isPending(answer) && !reply.sent ? limits.wait(reply, answer) : answer;
      };
      route.handler = bounded;
    });
  }
}

const isPending = (answer: unknown): answer is PromiseLike<unknown> =>
  typeof answer === "object" && answer !== null && "then" in answer;
