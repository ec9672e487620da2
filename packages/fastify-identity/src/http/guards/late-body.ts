import { findByQuery, queries } from "@org/db-models/queries";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Requirement } from "../../access.js";
import { IdentityProblem } from "../../flows/problems.js";
import type { Service } from "../../service.js";
import { stateOf } from "../requests.js";
import { guard } from "./guard.js";

/** A body that takes longer than this, milliseconds, is late. */
const lateMs = 1_000;

/** Notes the moment at which a guard let a request through, before its body. */
export function noteGuarded(request: FastifyRequest): void {
  stateOf(request).guardedAt = performance.now();
}

/** Whether a request was let through so long ago that what let it through may have ended. */
export function hasLateBody(request: FastifyRequest): boolean {
  const { guardedAt } = stateOf(request);
  return guardedAt !== undefined && performance.now() - guardedAt >= lateMs;
}

/**
 * Checks again whether a request may be answered, once its late body is there: who holds a body back acts no longer than the
 * session, key or token lives that let them begin. Nothing is counted or used up a second time.
 */
export async function guardLateBody(
  service: Service,
  requirement: Requirement,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const { identity } = request;
  if (identity?.kind === "session") return guard(service, requirement, request, reply);
  if (identity?.kind === "api_key") return requireLiveKey(service, identity);
  // An app that acts for itself goes on as long as its token, which nobody looks up.
  if (identity?.kind === "access_token") return requireLiveToken(service, identity.token.id);
}

async function requireLiveKey(
  { identity, clock }: Service,
  { userId, keyId }: Extract<FastifyRequest["identity"], { kind: "api_key" }>,
): Promise<void> {
  const [key, { status }] = await Promise.all([
    findByQuery(identity.models, queries.apiKeyById({ ownerId: userId, id: keyId })),
    identity.users.read(userId),
  ]);
  if (status !== "active") throw new IdentityProblem("USER_NOT_ACTIVE");
  if (!key || key.revokedAt) throw new IdentityProblem("API_KEY_INVALID", { reason: "revoked" });
  if (key.expiresAt && key.expiresAt <= clock.now())
    throw new IdentityProblem("API_KEY_INVALID", { reason: "expired" });
}

async function requireLiveToken({ identity }: Service, id: unknown): Promise<void> {
  const check = await identity.oauth.validateById(id);
  if (!check.ok) throw new IdentityProblem("ACCESS_TOKEN_INVALID", { reason: check.reason });
}
