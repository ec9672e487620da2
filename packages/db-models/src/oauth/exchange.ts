import { type OAuthPolicy, type OAuthPolicyInput, oauthPolicyOf } from "../core/policies/oauth.js";
import { equalHashes, mintMarkedToken, parseToken, sha256, type Token } from "../core/secrets.js";
import type { IdentityModels } from "../schemas/models.js";
import { expiryFrom } from "./expiry.js";
import { endReused, type Grant, readGrant, refusalOf, refused } from "./grants.js";
import { issueAccessToken, tokensGranted } from "./issue.js";
import { answersChallenge } from "./pkce.js";
import type { AuthenticatedClient, GrantRefusal, TokenResult } from "./types.js";

/** A token request with a code (RFC 6749 section 4.1.3); its values as they came. */
export interface CodeExchange {
  client: AuthenticatedClient;
  code: unknown;
  redirectUri: unknown;
  codeVerifier?: unknown;
}

/**
 * Exchanges an authorization code for tokens.
 *
 * The code and the tokens are one document, and the claim is one conditional update of it: of any number of parallel
 * calls one gets tokens, and whatever ends the authorization ends them, at whatever moment. A second use by the right
 * client, with the right redirect URI and verifier, ends the authorization and writes a security event; any other
 * second use is refused and changes nothing, or whoever sees a code could end what it issued (OAuth 2.1).
 *
 * @throws IdentityError `INVALID_INPUT` for a policy out of bounds; `SCHEMA_TOO_NEW`.
 */
export async function exchangeAuthorizationCode(
  models: IdentityModels,
  input: CodeExchange,
  now: Date,
  policy: OAuthPolicyInput = {},
): Promise<TokenResult> {
  const rules = oauthPolicyOf(policy);
  const code = parseToken("authorizationCode", input.code);
  if (!code) return refused("malformed");
  const grant = await readGrant(models, code);
  if (!grant) return refused("unknown");
  const mismatch = mismatchOf(grant, code, input);
  if (mismatch) return refused(mismatch);
  if (grant.usedAt) return endReused(models, grant, "code_reused", now);
  const reason = refusalOf(grant, now);
  if (reason) return refused(reason);
  return (await claim(models, grant, code, input.client, now, rules)) ?? answerLoser(models, code, now);
}

function mismatchOf(grant: Grant, code: Token, input: CodeExchange): GrantRefusal | undefined {
  if (!equalHashes(sha256(code.raw), grant.codeHash)) return "unknown";
  if (!grant.appId.equals(input.client._id)) return "other_client";
  if (input.redirectUri !== grant.redirectUri) return "redirect_uri_mismatch";
  return answersChallenge(grant.codeChallenge, input.codeVerifier) ? undefined : "verifier_mismatch";
}

async function claim(
  models: IdentityModels,
  grant: Grant,
  code: Token,
  client: AuthenticatedClient,
  now: Date,
  policy: OAuthPolicy,
): Promise<TokenResult | undefined> {
  const mayRefresh = client.grantTypes.includes("refresh_token");
  const idleMs = mayRefresh ? policy.refreshIdleMs : policy.accessTokenLifetimeMs;
  const refreshToken = mintMarkedToken("refreshToken", code.handle, grant.markKey);
  const issued = issueAccessToken(refreshToken, grant.scopes, grant.absoluteExpiresAt, now, policy);
  const { matchedCount } = await models.AppToken.collection.updateOne(
    { _id: grant._id, usedAt: null, revokedAt: null, expiresAt: { $gt: now } },
    {
      $set: {
        usedAt: now,
        ...(mayRefresh && { tokenHash: sha256(refreshToken.raw) }),
        accessTokens: [issued],
        ...expiryFrom(models, now, idleMs, grant.absoluteExpiresAt),
      },
    },
  );
  if (matchedCount === 0) return undefined;
  return tokensGranted(grant, refreshToken, issued, { retried: false, mayRefresh });
}

/** The code was live at the read and is not now: somebody else used it meanwhile, or it was ended. */
async function answerLoser(models: IdentityModels, code: Token, now: Date): Promise<TokenResult> {
  const grant = await readGrant(models, code);
  if (grant?.usedAt) return endReused(models, grant, "code_reused", now);
  return refused((grant && refusalOf(grant, now)) ?? "unknown");
}
