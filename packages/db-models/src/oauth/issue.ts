import type { OAuthPolicy } from "../core/policies/oauth.js";
import { formatScopes } from "../core/scopes.js";
import { deriveToken, sha256, type Token } from "../core/secrets.js";
import type { IssuedAccessToken } from "../schemas/app-token.js";
import type { Grant } from "./grants.js";
import type { TokensGranted } from "./types.js";

/**
 * The access token with these scopes that goes with a refresh token. It follows from both, so that a retry of a rotation,
 * which reads the refresh token from its seal, gets the same one, and one that asks for less another one.
 */
export function accessTokenOf(refreshToken: Token, scopes: readonly string[]): Token {
  return deriveToken("accessToken", refreshToken, formatScopes(scopes));
}

/** That access token as it is stored. */
export function issueAccessToken(
  refreshToken: Token,
  scopes: string[],
  absoluteExpiresAt: Date,
  now: Date,
  policy: OAuthPolicy,
): IssuedAccessToken {
  const expiresAt = Math.min(now.getTime() + policy.accessTokenLifetimeMs, absoluteExpiresAt.getTime());
  return {
    tokenHash: sha256(accessTokenOf(refreshToken, scopes).raw),
    scopes,
    createdAt: now,
    expiresAt: new Date(expiresAt),
  };
}

export function tokensGranted(
  grant: Pick<Grant, "_id" | "userId">,
  refreshToken: Token,
  issued: IssuedAccessToken,
  { retried, mayRefresh }: { retried: boolean; mayRefresh: boolean },
): TokensGranted {
  return {
    ok: true,
    authorizationId: grant._id,
    userId: grant.userId,
    accessToken: accessTokenOf(refreshToken, issued.scopes).raw,
    accessTokenExpiresAt: issued.expiresAt,
    ...(mayRefresh && { refreshToken: refreshToken.raw }),
    scopes: issued.scopes,
    retried,
  };
}
