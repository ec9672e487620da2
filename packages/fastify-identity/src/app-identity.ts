import type { ActiveSession, Identity } from "@org/db-models";
import { randomKey } from "@org/db-models/core";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Types } from "mongoose";
import { type IdentityAccess, requirementOf } from "./access.js";
import type { Flows } from "./flows/flows.js";
import type { ProblemCode } from "./flows/problems.js";
import type { Requester } from "./flows/requester.js";
import type { SignedIn } from "./flows/sign-in/complete/candidate.js";
import type { OAuthAnswer } from "./http/answers/openapi-oauth.js";
import { guard, type RequestIdentity } from "./http/guards/guard.js";
import { sessionOf, userOf } from "./http/guards/identity-of.js";
import { handSession, noteOpened, requesterOf, setCookie } from "./http/requests.js";
import type { Service } from "./service.js";

/** The plugin's interface on an app, as `app.identity`. */
export interface AppIdentity {
  /** The operations of @org/db-models that the plugin was registered with. */
  readonly operations: Identity;
  /** Sign in, register, reset and the rest, for routes of your own. */
  readonly flows: Flows;
  /** The user of a guarded route, by whatever credential. Throws a TypeError on a route without a guard. */
  userOf(request: FastifyRequest): Types.ObjectId;
  /** The session of a route that takes only sessions. Throws a TypeError on another one. */
  sessionOf(request: FastifyRequest): ActiveSession;
  /** A `preHandler` hook that lets through what meets the requirement, where `config.identity` does not serve. */
  guard(access: IdentityAccess): (request: FastifyRequest, reply: FastifyReply) => Promise<void>;
  /** Facts about a request for flows. */
  requesterOf(request: FastifyRequest): Requester;
  /** Hands the session that a flow opened to a browser, in cookies. */
  startSession(request: FastifyRequest, reply: FastifyReply, signedIn: SignedIn): void;
  /** Takes the session cookie from a browser. */
  endSession(reply: FastifyReply): void;
}

declare module "fastify" {
  interface FastifyInstance {
    readonly identity: AppIdentity;
  }
  interface FastifyRequest {
    /** The requester; null if no guard ran. */
    identity: RequestIdentity | null;
  }
  interface FastifyContextConfig {
    /** Requirement for the use of the route. */
    identity?: IdentityAccess;
    /**
     * False refuses who acts for a user in an impersonated session, or by a token of one, on a route for everybody too.
     * Default: true; of the plugin's own routes
     * each that allows it says so.
     */
    impersonated?: boolean;
    /** For the OpenAPI document: codes that the route answers with besides those that follow from the rest. */
    identityProblems?: readonly ProblemCode[];
    /** For the OpenAPI document: other answers than success of an OAuth endpoint, which are no problem details. */
    oauthAnswers?: Readonly<Record<number, OAuthAnswer>>;
  }
}

export function appIdentity(service: Service): AppIdentity {
  const { cookies, flows, identity } = service;
  return {
    operations: identity,
    flows,
    userOf,
    sessionOf,
    guard: (access) => {
      const requirement = requirementOf(access, "a route");
      return async (request, reply) => {
        if (requirement) await guard(service, requirement, request, reply);
      };
    },
    requesterOf: (request) => requesterOf(service, request),
    startSession: (request, reply, { token, userId, id, idleExpiresAt }) => {
      noteOpened(request, { userId, id });
      handSession(service, request, reply, { token, idleExpiresAt });
      setCookie(reply, cookies.device(requesterOf(service, request).deviceId ?? randomKey()));
    },
    endSession: (reply) => setCookie(reply, cookies.signOut(reply.request.headers.cookie)),
  };
}
