import { isIdentityError } from "../core/errors.js";
import { limits } from "../core/limits.js";
import { type OAuthPolicy, type OAuthPolicyInput, oauthPolicyOf } from "../core/policies/oauth.js";
import type { TokenRotation } from "../core/rotations.js";
import { currentAfter, isInGrace, isReplacedInGrace } from "../core/rotations.js";
import { formatScopes, grantsEveryScope, parseScopes } from "../core/scopes.js";
import { equalHashes, isMarkedToken, parseToken, sha256, succeedToken, type Token } from "../core/secrets.js";
import type { IssuedAccessToken } from "../schemas/app-token.js";
import type { IdentityModels } from "../schemas/models.js";
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

/**
 * Rotates a refresh token.
 *
 * The claim is one conditional update of the one document that the tokens are, so of any number of parallel calls one
 * rotates. The others, and every retry within the grace interval, get the tokens that are current then, also when those
 * were rotated once more meanwhile. The interval is counted from a token's first use and does not slide. After it the
 * token ends the authorization and writes a security event, for somebody has a copy (RFC 9700 section 4.14.2).
 * A token that was never issued raises no alarm.
 *
 * @throws IdentityError `INVALID_INPUT` for a policy out of bounds; `SCHEMA_TOO_NEW`.
 */
export async function refreshAppToken(
  models: IdentityModels,
  input: TokenRefresh,
  now: Date,
  policy: OAuthPolicyInput = {},
): Promise<TokenResult> {
  const rules = oauthPolicyOf(policy);
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
  const rotated = await rotate(models, grant, token, scopes, now, rules);
  return rotated ?? answerLoser(models, token, scopes, now, rules);
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
  models: IdentityModels,
  grant: Grant,
  token: Token,
  scopes: string[],
  now: Date,
  policy: OAuthPolicy,
): Promise<TokenResult | undefined> {
  const tokenHash = sha256(token.raw);
  if (!equalHashes(tokenHash, grant.tokenHash ?? "")) return undefined;
  const again = rotatesTooFast(grant, now, policy)
    ? await answerAgain(models, grant, token, scopes, now, policy)
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
        ...expiryFrom(models, now, policy.refreshIdleMs, grant.absoluteExpiresAt),
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
async function answerLoser(
  models: IdentityModels,
  token: Token,
  scopes: string[],
  now: Date,
  policy: OAuthPolicy,
): Promise<TokenResult> {
  const grant = await readGrant(models, token);
  if (!grant) return refused("unknown");
  const reason = refusalOf(grant, now);
  if (reason) return refused(reason);
  if (!isReplacedInGrace(grant.rotations, sha256(token.raw), now, policy.rotationGraceMs)) {
    return endReused(models, grant, "refresh_reused", now);
  }
  const current = currentAfter("refreshToken", grant.rotations, token);
  return (await answerAgain(models, grant, current, scopes, now, policy)) ?? refused("superseded");
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
  models: IdentityModels,
  grant: Grant,
  current: Token,
  scopes: string[],
  now: Date,
  policy: OAuthPolicy,
): Promise<TokenResult | undefined> {
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
