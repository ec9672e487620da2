import type { ActiveSession, ApiKeyCheck } from "@org/db-models";
import type { FastifyReply, FastifyRequest } from "fastify";
import { fastifyPlugin } from "fastify-plugin";
import type { Types } from "mongoose";
import { ApiError } from "../flows/problems.js";
import { judgeSession } from "../flows/session-risk.js";
import type { Service, ServiceOptions } from "../service.js";
import { type PresentedToken, presentedApiKey, presentedToken } from "./credentials.js";

/** Who makes a request, once that is known. */
interface Actor {
  readonly userId: Types.ObjectId;
  /** Absent when it came with an API key. */
  readonly sessionId?: Types.ObjectId;
}

declare module "fastify" {
  interface FastifyContextConfig {
    /** `session`: the route answers only to a live session. */
    auth?: "session";
    /** With `auth`: the route also answers to an API key that has this scope. */
    scope?: string;
  }
  interface FastifyRequest {
    session: ActiveSession | null;
    /** Whom the request is counted for. */
    actor: Actor | null;
  }
}

/**
 * Checks the session of routes that ask for one. It runs before the body is parsed, and after the rate limit, which
 * counts in a hook of the route and hence after every hook of the same name of the app.
 */
export const authentication = fastifyPlugin<ServiceOptions>(
  (app, { service }, done) => {
    app.decorateRequest("session", null);
    app.decorateRequest("actor", null);
    app.addHook("preParsing", async (request, reply) => {
      if (request.routeOptions.config.auth === "session") await authenticate(service, request, reply);
    });
    done();
  },
  { name: "authentication", dependencies: ["session-cookie"] },
);

async function authenticate(service: Service, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const key = presentedApiKey(request);
  if (key !== undefined) return authenticateByKey(service, request, key);
  const token = presentedToken(request);
  const check = await service.identity.sessions.validate(token.value);
  if (!check.ok) throw sessionRefused(reply, token, check.reason);
  const { session } = check;
  if (check.touched && !(await judgeSession(service, request, session))) {
    throw sessionRefused(reply, token, "revoked");
  }
  request.session = session;
  request.actor = { userId: session.userId, sessionId: session.id };
  // The document's expiry has moved, and the cookie's moves with it.
  if (check.touched && token.by === "cookie") reply.setSessionCookie(token.value, session.idleExpiresAt);
}

async function authenticateByKey(service: Service, request: FastifyRequest, key: string): Promise<void> {
  const { scope } = request.routeOptions.config;
  if (scope === undefined) throw new ApiError("INSUFFICIENT_SCOPE");
  const presented = { key, ip: request.clientAddress, scopes: [scope] };
  const check = await service.identity.apiKeys.verify(presented);
  if (!check.ok) throw keyRefused(check, scope);
  request.actor = { userId: check.userId };
}

function keyRefused(check: Exclude<ApiKeyCheck, { ok: true }>, scope: string): ApiError {
  const { reason } = check;
  if (reason === "insufficient_scope") return new ApiError("INSUFFICIENT_SCOPE", { scope });
  if (reason === "address_not_allowed") return new ApiError("ADDRESS_NOT_ALLOWED");
  if (reason === "user_not_active") return new ApiError("USER_NOT_ACTIVE");
  if (reason !== "quota_exhausted" && reason !== "rate_limited") {
    return new ApiError("API_KEY_INVALID", { reason });
  }
  const wait = check.retryAfterMs === undefined ? {} : { retryAfterMs: check.retryAfterMs };
  return new ApiError(reason === "rate_limited" ? "RATE_LIMITED" : "QUOTA_EXHAUSTED", wait);
}

/**
 * Hands a session's next token to the client the way that the one before came: in the cookie, or as the member of the
 * answer that this returns.
 */
export function handOver(
  reply: FastifyReply,
  { by }: PresentedToken,
  { token, idleExpiresAt }: { token: string; idleExpiresAt: Date },
): { token?: string } {
  if (by === "bearer") return { token };
  reply.setSessionCookie(token, idleExpiresAt);
  return {};
}

/** Another request has rotated the token, or signed out, and perhaps in again: a newer cookie may be in its place. */
const perhapsReplaced: ReadonlySet<string> = new Set(["rotated", "revoked"]);

/** The error for a token that was refused; the browser forgets the cookie, unless a newer one may be in its place. */
export function sessionRefused(reply: FastifyReply, token: PresentedToken, reason: string): ApiError {
  if (token.by === "cookie" && !perhapsReplaced.has(reason)) reply.dropSessionCookie();
  return new ApiError("SESSION_INVALID", { reason });
}

/** The session of a route with `auth: "session"`. */
export function sessionOf(request: FastifyRequest): ActiveSession {
  if (!request.session) throw new TypeError(`${request.routeOptions.url} does not ask for a session`);
  return request.session;
}

/** The user of a route with `auth`, by session or API key. */
export function userOf(request: FastifyRequest): Types.ObjectId {
  if (!request.actor) throw new TypeError(`${request.routeOptions.url} does not ask who it is`);
  return request.actor.userId;
}
