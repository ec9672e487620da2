import type { Context } from "../context/context.js";
import {
  equalHashes,
  type LocatedToken,
  mintMarkedToken,
  parseToken,
  sha256,
  type Token,
} from "../core/secrets.js";
import { placeOf } from "../queries/place.js";
import { audiencesOf } from "./audiences.js";
import { expiryFrom } from "./expiry.js";
import { documentOf, endReused, type Grant, readGrant, refusalOf, refused } from "./grants.js";
import { issueAccessToken, tokensGranted } from "./issue.js";
import { answersChallenge } from "./pkce.js";
import { type PresentedAuthorization, readGrantOnce } from "./presented.js";
import type { AuthenticatedClient, GrantRefusal, TokenResult } from "./types.js";

/** A token request with a code (RFC 6749 section 4.1.3); its values as they came. */
export interface CodeExchange {
  client: AuthenticatedClient;
  code: unknown;
  /** As `authenticateClient` read it in the same request. Default: it is read here. */
  authorization?: PresentedAuthorization | undefined;
  /** May be absent where the client sent a challenge (OAuth 2.1 section 10.2); compared when it is there. */
  redirectUri?: unknown;
  codeVerifier?: unknown;
  /** Resource servers that the access token is for, of those that the user agreed to. Default: all of them. */
  audiences?: string[] | undefined;
  /** Thumbprint of the key that the request proved possession of (RFC 9449). */
  dpopKey?: string | undefined;
}

export async function exchangeAuthorizationCode(context: Context, input: CodeExchange): Promise<TokenResult> {
  const { now } = context;
  const code = parseToken("authorizationCode", input.code);
  if (!code) return refused("malformed");
  const grant = await readGrantOnce(context, placeOf(code), input.authorization);
  if (!grant) return refused("unknown");
  const mismatch = mismatchOf(grant, code, input);
  if (mismatch) return refused(mismatch);
  if (grant.usedAt) return endReused(context, grant, "code_reused");
  const reason = refusalOf(grant, now);
  if (reason) return refused(reason);
  const audiences = audiencesOf(grant, input.client, input.audiences);
  if (audiences === "refused") return refused("audience_not_granted", "invalid_target");
  return (await claim(context, grant, code, { ...input, audiences })) ?? answerLoser(context, code);
}

function mismatchOf(grant: Grant, code: Token, input: CodeExchange): GrantRefusal | undefined {
  if (!equalHashes(sha256(code.raw), grant.codeHash)) return "unknown";
  if (!grant.appId.equals(input.client._id)) return "other_client";
  const mayBeAbsent = input.redirectUri === undefined && grant.codeChallenge !== undefined;
  if (!mayBeAbsent && input.redirectUri !== grant.redirectUri) return "redirect_uri_mismatch";
  if (!answersChallenge(grant.codeChallenge, input.codeVerifier)) return "verifier_mismatch";
  return grant.dpopKey && grant.dpopKey !== input.dpopKey ? "key_mismatch" : undefined;
}

async function claim(
  context: Context,
  grant: Grant,
  code: LocatedToken,
  { client, audiences, dpopKey }: CodeExchange,
): Promise<TokenResult | undefined> {
  const { models, now } = context;
  const policy = context.policies.oauth;
  // Nobody goes on acting for a user beyond the session in which they may.
  const mayRefresh = client.grantTypes.includes("refresh_token") && !grant.actor;
  const idleMs = mayRefresh ? policy.refreshIdleMs : policy.accessTokenLifetimeMs;
  const refreshToken = mintMarkedToken("refreshToken", code, grant.markKey);
  const wish = { scopes: grant.scopes, audiences, dpopKey };
  const issued = issueAccessToken(context, refreshToken, wish, grant.absoluteExpiresAt);
  const { matchedCount } = await models.AppToken.collection.updateOne(
    { ...documentOf(grant), usedAt: null, revokedAt: null, expiresAt: { $gt: now } },
    {
      $set: {
        usedAt: now,
        ...(mayRefresh && { tokenHash: sha256(refreshToken.raw) }),
        ...(dpopKey && client.type === "public" && { dpopKey }),
        accessTokens: [issued],
        ...expiryFrom(context, idleMs, grant.absoluteExpiresAt),
      },
    },
  );
  if (matchedCount === 0) return undefined;
  return tokensGranted(grant, refreshToken, issued, { retried: false, mayRefresh });
}

/** The code was live at the read and is not now: somebody else used it meanwhile, or it was ended. */
async function answerLoser(context: Context, code: LocatedToken): Promise<TokenResult> {
  const { now } = context;
  const grant = await readGrant(context, placeOf(code));
  if (grant?.usedAt) return endReused(context, grant, "code_reused");
  return refused((grant && refusalOf(grant, now)) ?? "unknown");
}
