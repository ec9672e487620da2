import type { ActiveSession, ApiKeyCheck } from "@org/db-models";
import { grantsEveryScope } from "@org/db-models";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Types } from "mongoose";
import type { Requirement } from "../../access.js";
import { requireAssurance } from "../../flows/account/assurance.js";
import { IdentityProblem, toProblem } from "../../flows/problems.js";
import type { Service } from "../../service.js";
import { headersOf } from "../answers/errors.js";
import { clientAddressOf } from "../client-address.js";
import { requesterOf, setCookie } from "../requests.js";
import type { PresentedAccessToken } from "./access-tokens.js";
import { type Credential, credentialOf, schemeOf } from "./credentials.js";
import { admitActor, admitSession } from "./impersonated.js";
import { refuseCrossOrigin } from "./same-origin.js";

/** The requester, with the kind of credential. */
export type RequestIdentity =
  | {
      readonly kind: "session";
      readonly userId: Types.ObjectId;
      /** The administrator who acts for the user; absent where the user does. */
      readonly actor?: Types.ObjectId;
      readonly session: ActiveSession;
    }
  | {
      readonly kind: "api_key";
      readonly userId: Types.ObjectId;
      readonly keyId: Types.ObjectId;
      readonly scopes: readonly string[];
    }
  | {
      readonly kind: "access_token";
      readonly userId: Types.ObjectId;
      /** The administrator who acted for the user when the app got the token. */
      readonly actor?: Types.ObjectId;
      readonly clientId: string;
      readonly scopes: readonly string[];
      readonly token: PresentedAccessToken;
    }
  | {
      readonly kind: "client";
      /** Nobody's: the app acts for itself. */
      readonly userId?: undefined;
      readonly clientId: string;
      readonly scopes: readonly string[];
      readonly token: PresentedAccessToken;
    };

/**
 * Lets a request through that meets a requirement, and notes who makes it; otherwise throws an {@link IdentityProblem} with
 * its status, and sets the headers that belong to it on every response.
 */
export async function guard(
  service: Service,
  requirement: Requirement,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  try {
    request.identity = await service.answers.inTime(reply, () =>
      identify(service, requirement, request, reply),
    );
  } catch (error) {
    const problem = toProblem(error);
    reply.headers({ "cache-control": "no-store", ...headersOf(problem) });
    throw problem;
  }
}

/** Throws at once for a credential that is missing or not accepted. */
function identify(
  service: Service,
  requirement: Requirement,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<RequestIdentity> {
  const credential = credentialOf(service, request);
  const takesSessions = requirement.accept.has("session");
  // Where no session is accepted, its cookie is somebody else's business.
  if (!credential || (credential.kind === "session" && !takesSessions)) {
    throw new IdentityProblem(takesSessions ? "SESSION_REQUIRED" : "API_KEY_REQUIRED");
  }
  const isAccepted =
    requirement.accept.has(credential.kind) ||
    (credential.kind === "access_token" && requirement.accept.has("client"));
  if (!isAccepted) throw notAccepted(requirement);
  if (credential.kind === "session") return bySession(service, requirement, credential, request, reply);
  return credential.kind === "api_key"
    ? byApiKey(service, requirement, credential, request)
    : byAccessToken(service, requirement, credential, request, reply);
}

async function bySession(
  service: Service,
  { roles, withinMs: maxAgeMs, acr }: Requirement,
  credential: Credential,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<RequestIdentity> {
  if (credential.by === "cookie") refuseCrossOrigin(service, request);
  const { session, touched } = await acceptSession(service, credential, request, reply);
  const admitted = admitSession(service, request, session, credential.by);
  if (admitted !== true && !(await admitted))
    throw new IdentityProblem("SESSION_INVALID", { reason: "revoked" });
  if (roles.length > 0 && !roles.some((role) => session.roles.includes(role))) {
    throw new IdentityProblem("INSUFFICIENT_ROLE", { roles });
  }
  const refusal = requireAssurance(service, session, { acr, maxAgeMs });
  if (refusal) await refusal;
  // The document's expiry has moved, and the cookie's moves with it.
  if (touched && credential.by === "cookie" && !session.actor) {
    setCookie(reply, service.cookies.session(credential.value, session.idleExpiresAt, service.clock.now()));
  }
  const { userId, actor } = session;
  return { kind: "session", userId, ...(actor && { actor }), session };
}

/** Checks a session token; the browser forgets a cookie that is refused, unless a newer one may be in its place. */
async function acceptSession(
  service: Service,
  { value, by }: Credential,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<{ session: ActiveSession; touched: boolean }> {
  try {
    return await service.flows.checkSession(requesterOf(service, request), value);
  } catch (error) {
    if (by === "cookie") forgetRefused(service, request, reply, error);
    throw error;
  }
}

/** Another request has rotated the token, or signed out, and perhaps in again: a newer cookie may be in its place. */
const perhapsReplaced: ReadonlySet<unknown> = new Set(["rotated", "revoked"]);

/**
 * Has the browser forget a session cookie that was refused, unless a newer one may be in its place. That of an impersonation
 * stays: what was begun for the user would otherwise be done in the administrator's own account.
 */
export function forgetRefused(
  { cookies }: Service,
  { headers: { cookie } }: FastifyRequest,
  reply: FastifyReply,
  error: unknown,
): void {
  if (!(error instanceof IdentityProblem) || error.code !== "SESSION_INVALID") return;
  if (cookies.readImpersonation(cookie) !== undefined || perhapsReplaced.has(error.members.reason)) return;
  setCookie(reply, cookies.endSession());
}

async function byApiKey(
  service: Service,
  { scopes }: Requirement,
  { value }: Credential,
  request: FastifyRequest,
): Promise<RequestIdentity> {
  const presented = { key: value, ip: clientAddressOf(request), scopes };
  const check = await service.identity.apiKeys.verify(presented);
  if (!check.ok) throw keyRefused(check, scopes);
  const { userId, keyId, scopes: granted } = check;
  return { kind: "api_key", userId, keyId, scopes: granted };
}

function keyRefused(check: Exclude<ApiKeyCheck, { ok: true }>, scopes: readonly string[]): IdentityProblem {
  const { reason } = check;
  if (reason === "insufficient_scope") return lacksScope(scopes);
  if (reason === "address_not_allowed") return new IdentityProblem("ADDRESS_NOT_ALLOWED");
  if (reason === "user_not_active") return new IdentityProblem("USER_NOT_ACTIVE");
  if (reason !== "quota_exhausted" && reason !== "rate_limited") {
    return new IdentityProblem("API_KEY_INVALID", { reason });
  }
  const wait = check.retryAfterMs === undefined ? {} : { retryAfterMs: check.retryAfterMs };
  return new IdentityProblem(reason === "rate_limited" ? "RATE_LIMITED" : "QUOTA_EXHAUSTED", wait);
}

async function byAccessToken(
  service: Service,
  requirement: Requirement,
  credential: Credential,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<RequestIdentity> {
  const { scopes, accept } = requirement;
  const presented = { value: credential.value, scheme: schemeOf(credential) };
  const check = await service.accessTokens(request, reply, presented);
  if (!check.ok) {
    const { reason, scheme } = check;
    throw new IdentityProblem("ACCESS_TOKEN_INVALID", { reason, ...(scheme === "DPoP" && { scheme }) });
  }
  const { token } = check;
  if (!grantsEveryScope(token.scopes, scopes)) throw lacksScope(scopes);
  requireTokenAssurance(service, requirement, token);
  const { userId, clientId, scopes: granted } = token;
  const kind = userId ? "access_token" : "client";
  if (!accept.has(kind)) throw notAccepted(requirement);
  if (!userId) return { kind: "client", clientId, scopes: granted, token };
  const { actor } = token.facts;
  admitActor(service, request, actor);
  return { kind: "access_token", userId, ...(actor && { actor }), clientId, scopes: granted, token };
}

/** Refuses a token whose user had proved too little, or too long ago, when they authorized the app (RFC 9470). */
function requireTokenAssurance(
  { clock }: Service,
  { acr, withinMs: maxAgeMs }: Requirement,
  { facts }: PresentedAccessToken,
): void {
  const { acr: reached = 0, authenticatedAt } = facts;
  const ageMs = authenticatedAt && clock.now().getTime() - authenticatedAt.getTime();
  const isLate = maxAgeMs !== undefined && (ageMs === undefined || ageMs > maxAgeMs);
  if (!isLate && reached >= (acr ?? 0)) return;
  const members = { ...(acr !== undefined && { acr }), ...(maxAgeMs !== undefined && { maxAgeMs }) };
  throw new IdentityProblem("INSUFFICIENT_USER_AUTHENTICATION", members);
}

/** Refuses a kind of credential, whatever its scopes. */
function notAccepted({ accept }: Requirement): IdentityProblem {
  return new IdentityProblem("CREDENTIAL_NOT_ACCEPTED", { accept: [...accept] });
}

function lacksScope(scopes: readonly string[]): IdentityProblem {
  return new IdentityProblem("INSUFFICIENT_SCOPE", { scope: scopes.join(" ") });
}
