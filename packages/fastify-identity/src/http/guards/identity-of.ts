import type { ActiveSession } from "@org/db-models";
import type { FastifyRequest } from "fastify";
import type { Types } from "mongoose";

/** The session of a route that takes only sessions. */
export function sessionOf(request: FastifyRequest): ActiveSession {
  if (request.identity?.kind === "session") return request.identity.session;
  const url = request.routeOptions.url;
  throw new TypeError(
    earlyIn(request) ?? `${url} does not ask for a session: declare config.identity "session"`,
  );
}

/** The user of a guarded route, by whatever credential; an app that acts for itself is none. */
export function userOf(request: FastifyRequest): Types.ObjectId {
  if (request.identity?.userId) return request.identity.userId;
  const url = request.routeOptions.url;
  throw new TypeError(earlyIn(request) ?? `${url} does not ask who it is: declare config.identity`);
}

/** What a hook did that asked before the guard had answered. */
function earlyIn({ routeOptions: { url, config } }: FastifyRequest): string | undefined {
  const { identity } = config as { identity?: unknown };
  if (identity === undefined || identity === "public") return undefined;
  return `the guard of ${url} has not let anybody through yet: ask in a preHandler hook or in the handler`;
}
