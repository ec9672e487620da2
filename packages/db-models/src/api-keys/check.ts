import type { Types } from "mongoose";
import { isOver } from "../core/clock.js";
import { isAllowed } from "../core/network.js";
import { grantsEveryScope } from "../core/scopes.js";
import { equalHashes } from "../core/secrets.js";
import type { ApiKeyDocument, ApiKeySecret } from "../schemas/api-key.js";
import type { RememberedApiKey } from "../session-cache/remembered.js";

/** A key as a request presents it. */
export interface ApiKeyPresentation {
  /** As presented; anything that is no key is refused, never thrown at. */
  key: unknown;
  /** Address that it comes from; a key with an allowlist is refused without one. */
  ip?: string | undefined;
  /** Scopes that the request needs. Default: none. */
  scopes?: readonly string[];
}

/** The window that a verification fell in. */
export interface ApiKeyRateWindow {
  limit: number;
  /** Verifications left in the window, as far as this process knows. */
  remaining: number;
  resetAt: Date;
}

export interface VerifiedApiKey {
  ok: true;
  keyId: Types.ObjectId;
  userId: Types.ObjectId;
  scopes: string[];
  /** Verifications left before the next refill, as far as this process knows; absent without a quota. */
  remaining?: number;
  rateLimit?: ApiKeyRateWindow;
}

/** Why a key that exists is refused for now. */
export interface ApiKeyExhausted {
  ok: false;
  reason: "quota_exhausted" | "rate_limited";
  /** Milliseconds until the refill or the next window; absent for a quota that is not filled up again. */
  retryAfterMs?: number;
}

export type ApiKeyRefusal =
  | "malformed"
  | "unknown"
  | "revoked"
  | "expired"
  | "user_not_active"
  | "address_not_allowed"
  | "insufficient_scope";

/** `malformed` costs no read; `expired` is also a rotated key after its overlap. */
export type ApiKeyCheck = VerifiedApiKey | ApiKeyExhausted | { ok: false; reason: ApiKeyRefusal };

/** The fields of a key that a verification reads. */
export type CheckedApiKey = RememberedApiKey & Pick<ApiKeyDocument, "revokedAt">;

/** The secret of a key that was presented, if it is one of them. */
export function secretOf(
  { secrets }: Pick<ApiKeyDocument, "secrets">,
  keyHash: Buffer,
): ApiKeySecret | undefined {
  return secrets.find((secret) => equalHashes(secret.keyHash, keyHash));
}

/** Why a key is not good for a request, its quota and its rate limit apart; `undefined` when it is. */
export function refusalOf(
  apiKey: CheckedApiKey,
  secret: ApiKeySecret,
  presented: ApiKeyPresentation,
  now: Date,
): ApiKeyRefusal | undefined {
  if (apiKey.revokedAt) return "revoked";
  const end = secret.expiresAt;
  if ((end && isOver(end, now)) || (apiKey.expiresAt && isOver(apiKey.expiresAt, now))) return "expired";
  if (!apiKey.ownerActive) return "user_not_active";
  if (!isAllowed(apiKey.ipAllowlist, presented.ip)) return "address_not_allowed";
  return grantsEveryScope(apiKey.scopes, presented.scopes ?? []) ? undefined : "insufficient_scope";
}
