import type { Context } from "../context/context.js";
import { isIdentityError } from "../core/errors.js";
import { limits } from "../core/limits.js";
import type { OAuthPolicy } from "../core/policies/oauth.js";
import type { TokenRotation } from "../core/rotations.js";
import { currentAfter, isInGrace, isReplacedInGrace } from "../core/rotations.js";
import { formatScopes, grantsEveryScope, parseScopes } from "../core/scopes.js";
import { equalHashes, isMarkedToken, parseToken, sha256, succeedToken, type Token } from "../core/secrets.js";
import type { IssuedAccessToken } from "../schemas/app-token.js";
import { expiryFrom } from "./expiry.js";
import { endReused, type Grant, readGrant, refusalOf, refused } from "./grants.js";
import { accessTokenOf, issueAccessToken, tokensGranted } from "./issue.js";
import type { AuthenticatedClient, TokenResult } from "./types.js";

/** A token request with a refresh token (RFC 6749 section 6); its values as they came. */
export interface TokenRefresh {
  client: AuthenticatedClient;
  refreshToken: unknown;
  /** Fewer scopes for the access token; those of the authorization stay. Default: all of them. */
  scope?: unknown;
}

export async function refreshAppToken(context: Context, input: TokenRefresh): Promise<TokenResult> {
  const { models, now } = context;
  const token = parseToken("refreshToken", input.refreshToken);
  if (!token) return refused("malformed");
  const grant = await readGrant(models, token);
  if (!grant?.tokenHash || !isMarkedToken(token, grant.markKey)) return refused("unknown");
  if (!grant.appId.equals(input.client._id)) return refused("other_client");
  if (!input.client.grantTypes.includes("refresh_token")) {
    return refused("grant_type_not_allowed", "unauthorized_client");
  }
  const scopes = narrowed(grant, input.scope);
  if (!scopes) return refused("scope_not_granted", "invalid_scope");
  const reason = refusalOf(grant, now);
  if (reason) return refused(reason);
  const rotated = await rotate(context, grant, token, scopes);
  return rotated ?? answerLoser(context, token, scopes);
}

/** The scopes of the new access token; `undefined` when they are not all granted. */
function narrowed(grant: Grant, scope: unknown): string[] | undefined {
  if (scope === undefined) return grant.scopes;
  try {
    const asked = typeof scope === "string" ? parseScopes(scope) : [];
    return asked.length > 0 && grantsEveryScope(grant.scopes, asked) ? asked : undefined;
  } catch (error) {
    if (isIdentityError(error, "INVALID_SCOPE")) return undefined;
    throw error;
  }
}

async function rotate(
  context: Context,
  grant: Grant,
  token: Token,
  scopes: string[],
): Promise<TokenResult | undefined> {
  const { models, now } = context;
  const policy = context.policies.oauth;
  const tokenHash = sha256(token.raw);
  if (!equalHashes(tokenHash, grant.tokenHash ?? "")) return undefined;
  const again = rotatesTooFast(grant, now, policy)
    ? await answerAgain(context, grant, token, scopes)
    : undefined;
  if (again) return again;
  const { successor, seal: sealedSuccessor } = succeedToken("refreshToken", token, grant.markKey);
  const issued = issueAccessToken(successor, scopes, grant.absoluteExpiresAt, now, policy);
  const rotation: TokenRotation = { tokenHash, sealedSuccessor, rotatedAt: now };
  const { matchedCount } = await models.AppToken.collection.updateOne(
    { _id: grant._id, tokenHash, revokedAt: null, expiresAt: { $gt: now } },
    {
      $set: {
        tokenHash: sha256(successor.raw),
        ...expiryFrom(context, policy.refreshIdleMs, grant.absoluteExpiresAt),
      },
      $inc: { generation: 1 },
      $push: newest({ rotations: rotation, accessTokens: issued }),
    },
  );
  if (matchedCount === 0) return undefined;
  return tokensGranted(grant, successor, issued, { retried: false, mayRefresh: true });
}

// The driver's types know no arrays of a collection without a schema.
function newest({ rotations, accessTokens }: { rotations: TokenRotation; accessTokens: IssuedAccessToken }) {
  return {
    rotations: { $each: [rotations], $slice: -limits.tokenRotations },
    accessTokens: { $each: [accessTokens], $slice: -limits.accessTokens },
  } as never;
}

/** The answer to a token that could not be claimed: a retry, a refusal, or the alarm. */
async function answerLoser(context: Context, token: Token, scopes: string[]): Promise<TokenResult> {
  const { models, now } = context;
  const policy = context.policies.oauth;
  const grant = await readGrant(models, token);
  if (!grant) return refused("unknown");
  const reason = refusalOf(grant, now);
  if (reason) return refused(reason);
  if (!isReplacedInGrace(grant.rotations, sha256(token.raw), now, policy.rotationGraceMs)) {
    return endReused(context, grant, "refresh_reused");
  }
  const current = currentAfter("refreshToken", grant.rotations, token);
  return (await answerAgain(context, grant, current, scopes)) ?? refused("superseded");
}

/**
 * True when one more rotation would push out of the list a token that is still in its grace. Then the current token is
 * answered with itself, so that a retry of any of them is never taken for theft.
 */
function rotatesTooFast({ rotations }: Grant, now: Date, policy: OAuthPolicy): boolean {
  const [oldest] = rotations;
  return (
    rotations.length === limits.tokenRotations && !!oldest && isInGrace(oldest, now, policy.rotationGraceMs)
  );
}

/**
 * The tokens that are current, the access token with the scopes that were asked for, which may be fewer than those of the
 * rotation. `undefined` when the client has revoked this access token, or all that came with this refresh token.
 */
async function answerAgain(
  context: Context,
  grant: Grant,
  current: Token,
  scopes: string[],
): Promise<TokenResult | undefined> {
  const { models, now } = context;
  const policy = context.policies.oauth;
  const answer = { retried: true, mayRefresh: true };
  const accessHash = sha256(accessTokenOf(current, scopes).raw);
  const issued = grant.accessTokens.find(({ tokenHash }) => tokenHash === accessHash);
  if (issued) return tokensGranted(grant, current, issued, answer);
  const rotatedAt = grant.rotations.at(-1)?.rotatedAt;
  const others = grant.accessTokens.filter(({ createdAt }) => !rotatedAt || createdAt >= rotatedAt);
  // With the same scopes it was issued, and is gone since.
  if (!others.some((other) => formatScopes(other.scopes) !== formatScopes(scopes))) return undefined;
  const narrower = issueAccessToken(current, scopes, grant.absoluteExpiresAt, now, policy);
  const { matchedCount } = await models.AppToken.collection.updateOne(
    {
      _id: grant._id,
      tokenHash: sha256(current.raw),
      revokedAt: null,
      expiresAt: { $gt: now },
      "accessTokens.tokenHash": { $ne: accessHash },
    },
    { $push: { accessTokens: { $each: [narrower], $slice: -limits.accessTokens } } as never },
  );
  if (matchedCount === 1) return tokensGranted(grant, current, narrower, answer);
  const later = await readGrant(models, current);
  const theirs = later?.accessTokens.find(({ tokenHash }) => tokenHash === accessHash);
  return later && theirs && refusalOf(later, now) === undefined
    ? tokensGranted(later, current, theirs, answer)
    : undefined;
}
