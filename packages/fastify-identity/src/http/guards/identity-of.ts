import type { ActiveSession } from "@org/db-models";
import type { FastifyRequest } from "fastify";
import type { Types } from "mongoose";

/** The session of a route that takes only sessions. */
export function sessionOf(request: FastifyRequest): ActiveSession {
  if (request.identity?.kind === "session") return request.identity.session;
  throw new TypeError(
    `${request.routeOptions.url} does not ask for a session: declare config.identity "session"`,
  );
}

/** The user of a guarded route, by whatever credential; an app that acts for itself is none. */
export function userOf(request: FastifyRequest): Types.ObjectId {
  if (request.identity?.userId) return request.identity.userId;
  throw new TypeError(`${request.routeOptions.url} does not ask who it is: declare config.identity`);
}
