import type { Types } from "mongoose";
import { operationsOf, type Shared } from "../context/context.js";
import type { Page } from "../queries/queries.js";
import type { ApiKeyCheck, ApiKeyPresentation } from "./check.js";
import type { ApiKeyInput, ApiKeyRotationInput } from "./input.js";
import { createApiKey, type KeyMaker, listApiKeys, revokeApiKey } from "./manage.js";
import { rotateApiKey } from "./rotate.js";
import type { ApiKeySummary, CreatedApiKey, RotatedApiKey } from "./types.js";
import type { ApiKeyVerifier } from "./verifier.js";

/** API keys: of users, with scopes, quotas and rate limits. */
export interface ApiKeys {
  /**
   * Creates an API key of an active user.
   *
   * @param input - with the session that asks for it, a report of that session as somebody else's ends the key.
   *
   * @throws IdentityError `INVALID_INPUT`; `USER_NOT_FOUND`; `USER_NOT_ACTIVE`.
   *
   * @example
   * const { key } = await identity.apiKeys.create({ userId, name: "ci", scopes: ["repo:read"] });
   */
  create(input: ApiKeyInput & KeyMaker): Promise<CreatedApiKey>;
  /** The user's keys that have not been revoked, the newest first; expired ones too, until they are purged. */
  list(input: { userId: Types.ObjectId; page?: Page }): Promise<ApiKeySummary[]>;
  /**
   * Replaces a key. The one before stays good for a while, so that programs can change over without a gap; the one
   * before that ends at once, for there are never more than two. Both are in one document, hence name, scopes, limits,
   * and what is left of the quota are the same thing for both: a rotation grants nothing.
   *
   * @throws IdentityError `API_KEY_NOT_FOUND` when the user has no such live key; `INVALID_INPUT`; `CONTENTION`.
   */
  rotate(input: ApiKeyRotationInput & KeyMaker & { keyId: Types.ObjectId }): Promise<RotatedApiKey>;
  /**
   * Ends a key, and the one before it, from the next verification on. Ending one that has already ended is no error.
   *
   * @returns true when this call ended it.
   */
  revoke(input: { userId: Types.ObjectId; keyId: Types.ObjectId }): Promise<boolean>;
  /**
   * Verifies a key for a request: one read by a unique index, on which a revocation, the account's status, expiry,
   * allowlist and scopes are decided. A good answer has used up one of the key's quota and of its rate limit: those are
   * claimed in leases and spent in memory, and use is written in groups; `close()` gives back and writes the rest.
   *
   * @throws IdentityError `SCHEMA_TOO_NEW`.
   *
   * @example
   * const check = await identity.apiKeys.verify({ key: bearer, ip: request.ip, scopes: ["repo:read"] });
   * if (!check.ok) return reply.code(401).send();
   */
  verify(presented: ApiKeyPresentation): Promise<ApiKeyCheck>;
}

export function apiKeysOf(identity: Shared, verifier: ApiKeyVerifier): ApiKeys {
  const on = operationsOf(identity);
  return {
    create: on(createApiKey),
    list: on(listApiKeys),
    rotate: on(rotateApiKey),
    revoke: on(revokeApiKey),
    verify: (presented) => verifier.verify(presented, identity.clock.now()),
  };
}
