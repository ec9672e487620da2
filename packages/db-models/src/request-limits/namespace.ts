import type { LimitedRequest, LimitVerdict, RequestLimiter } from "./limiter.js";

/** Limits of requests that hold over all processes of a database. */
export interface RequestLimits {
  /**
   * Takes one request of a client's window. Few cost a command: a process takes a piece of the window at once, a tenth of
   * what is left and at most 32, and a client that has used up its window costs none. All processes together let through no
   * more than the limit, and at most (processes - 1) x (piece - 1) fewer. Windows are those of
   * the clock, the same for all clients. While the database does not answer, each process counts alone; never rejects.
   *
   * @example
   * const { ok, resetMs } = await identity.requestLimits.take({ kind: "sign-in", client, limit: 10, windowMs: 60_000 });
   */
  take(request: LimitedRequest): Promise<LimitVerdict>;
}

export function requestLimitsOf(limiter: RequestLimiter): RequestLimits {
  return { take: (request) => limiter.take(request) };
}
