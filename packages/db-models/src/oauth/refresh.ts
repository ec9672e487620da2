import type { Types } from "mongoose";
import type { Context } from "../context/context.js";
import { duration, limits } from "../core/limits.js";
import type { OAuthPolicy } from "../core/policies/oauth.js";
import type { TokenRotation } from "../core/rotations.js";
import { currentAfter, isInGrace, isReplacedInGrace } from "../core/rotations.js";
import { grantsScope } from "../core/scopes.js";
import {
  equalHashes,
  isMarkedToken,
  type LocatedToken,
  parseToken,
  sha256,
  succeedToken,
} from "../core/secrets.js";
import { placeOf } from "../queries/place.js";
import type { IssuedAccessToken } from "../schemas/app-token.js";
import type { AuthorizationFacts } from "../schemas/parts/authorization-facts.js";
import { audiencesOf } from "./audiences.js";
import { scopesWithin } from "./client-grant.js";
import { expiryFrom } from "./expiry.js";
import { documentOf, endReused, type Grant, readGrant, refusalOf, refused } from "./grants.js";
import {
  type AccessWish,
  accessTokenOf,
  factsOf,
  issueAccessToken,
  tokensGranted,
  wishText,
} from "./issue.js";
import { type PresentedAuthorization, readGrantOnce } from "./presented.js";
import type { AuthenticatedClient, TokenResult } from "./types.js";

/** A token request with a refresh token (RFC 6749 section 6); its values as they came. */
export interface TokenRefresh {
  client: AuthenticatedClient;
  refreshToken: unknown;
  /** As `authenticateClient` read it in the same request. Default: it is read here. */
  authorization?: PresentedAuthorization | undefined;
  /** Fewer scopes for the access token; those of the authorization stay. Default: all of them. */
  scope?: unknown;
  /** Resource servers that the access token is for, of those of the authorization. Default: all of them. */
  audiences?: string[] | undefined;
  /** Thumbprint of the key that the request proved possession of. A public client proves the same key each time. */
  dpopKey?: string | undefined;
  /**
   * Says how long the access token lasts at most, milliseconds: less where the user is in doubt. It is asked of a token that is
   * good. Default, and for `undefined`: as the policy has it.
   */
  lifetimeOf?: (authorization: RefreshableAuthorization) => Promise<number | undefined>;
}

/** What a refresh token stands for. */
export interface RefreshableAuthorization {
  userId?: Types.ObjectId;
  facts: AuthorizationFacts;
}

export async function refreshAppToken(context: Context, input: TokenRefresh): Promise<TokenResult> {
  const { now } = context;
  const token = parseToken("refreshToken", input.refreshToken);
  if (!token) return refused("malformed");
  const grant = await readGrantOnce(context, placeOf(token), input.authorization);
  if (!grant?.tokenHash || !isMarkedToken(token, grant.markKey)) return refused("unknown");
  if (!grant.appId.equals(input.client._id)) return refused("other_client");
  if (!input.client.grantTypes.includes("refresh_token")) {
    return refused("grant_type_not_allowed", "unauthorized_client");
  }
  // Scopes that the app is no longer registered for are not granted again.
  const held = grant.scopes.filter((scope) => grantsScope(input.client.scopes, scope));
  const scopes = input.scope === undefined ? held : scopesWithin(held, input.scope);
  if (!scopes || scopes.length === 0) return refused("scope_not_granted", "invalid_scope");
  const { dpopKey, client } = input;
  // A stranger with a copy must not end what only the key's holder can use.
  if (client.type === "public" && grant.dpopKey && grant.dpopKey !== dpopKey) return refused("key_mismatch");
  const audiences = audiencesOf(grant, client, input.audiences);
  if (audiences === "refused") return refused("audience_not_granted", "invalid_target");
  const reason = refusalOf(grant, now);
  if (reason) return refused(reason);
  const { userId } = grant;
  const lifetimeMs = await input.lifetimeOf?.({ ...(userId && { userId }), facts: factsOf(grant) });
  const wish: AccessWish = { scopes, audiences, dpopKey, lifetimeMs };
  return (await rotate(context, grant, token, wish)) ?? answerLoser(context, token, wish);
}

async function rotate(
  context: Context,
  grant: Grant,
  token: LocatedToken,
  wish: AccessWish,
): Promise<TokenResult | undefined> {
  const { models, now } = context;
  const policy = context.policies.oauth;
  const tokenHash = sha256(token.raw);
  if (!equalHashes(tokenHash, grant.tokenHash)) return undefined;
  const again = rotatesTooFast(grant, now, policy)
    ? await answerAgain(context, grant, token, wish)
    : undefined;
  if (again) return again;
  const { successor, seal: sealedSuccessor } = succeedToken("refreshToken", token, grant.markKey);
  const issued = issueAccessToken(context, successor, wish, grant.absoluteExpiresAt);
  const rotation: TokenRotation = { tokenHash, sealedSuccessor, rotatedAt: now };
  const { matchedCount } = await models.AppToken.collection.updateOne(
    { ...documentOf(grant), tokenHash, revokedAt: null, expiresAt: { $gt: now } },
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
  await noteUse(context, grant);
  return tokensGranted(grant, successor, issued, { retried: false, mayRefresh: true });
}

/** Has the consent say when its app was last used: a write an hour, however often the app refreshes. */
async function noteUse({ models, now }: Context, { userId, permissionId, permission }: Grant): Promise<void> {
  const { lastUsedAt } = permission[0] ?? {};
  if (!userId || !permissionId || (lastUsedAt && now.getTime() - lastUsedAt.getTime() < duration.hour))
    return;
  await models.AppPermission.collection.updateOne(
    { _id: permissionId, userId, revokedAt: null },
    { $max: { lastUsedAt: now } },
  );
}

// The driver's types know no arrays of a collection without a schema.
function newest({ rotations, accessTokens }: { rotations: TokenRotation; accessTokens: IssuedAccessToken }) {
  return {
    rotations: { $each: [rotations], $slice: -limits.tokenRotations },
    accessTokens: { $each: [accessTokens], $slice: -limits.accessTokens },
  } as never;
}

/** The answer to a token that could not be claimed: a retry, a refusal, or the alarm. */
async function answerLoser(context: Context, token: LocatedToken, wish: AccessWish): Promise<TokenResult> {
  const { now } = context;
  const policy = context.policies.oauth;
  const grant = await readGrant(context, placeOf(token));
  if (!grant) return refused("unknown");
  const reason = refusalOf(grant, now);
  if (reason) return refused(reason);
  if (!isReplacedInGrace(grant.rotations, sha256(token.raw), now, policy.rotationGraceMs)) {
    return endReused(context, grant, "refresh_reused");
  }
  const current = currentAfter("refreshToken", grant.rotations, token);
  return (await answerAgain(context, grant, current, wish)) ?? refused("superseded");
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
 * The tokens that are current, the access token for what was asked for, which may be less than at the
 * rotation. `undefined` when the client has revoked this access token, or all that came with this refresh token.
 */
async function answerAgain(
  context: Context,
  grant: Grant,
  current: LocatedToken,
  wish: AccessWish,
): Promise<TokenResult | undefined> {
  const { models, now } = context;
  const answer = { retried: true, mayRefresh: true };
  const accessHash = sha256(accessTokenOf(current, wish).raw);
  const issued = grant.accessTokens.find(({ tokenHash }) => equalHashes(tokenHash, accessHash));
  if (issued) return tokensGranted(grant, current, issued, answer);
  const rotatedAt = grant.rotations.at(-1)?.rotatedAt;
  const others = grant.accessTokens.filter(({ createdAt }) => !rotatedAt || createdAt >= rotatedAt);
  // For the same it was issued, and is gone since.
  if (!others.some((other) => wishText(other) !== wishText(wish))) return undefined;
  const narrower = issueAccessToken(context, current, wish, grant.absoluteExpiresAt);
  const { matchedCount } = await models.AppToken.collection.updateOne(
    {
      ...documentOf(grant),
      tokenHash: sha256(current.raw),
      revokedAt: null,
      expiresAt: { $gt: now },
      "accessTokens.tokenHash": { $ne: accessHash },
    },
    { $push: { accessTokens: { $each: [narrower], $slice: -limits.accessTokens } } as never },
  );
  if (matchedCount === 1) return tokensGranted(grant, current, narrower, answer);
  const later = await readGrant(context, placeOf(current));
  const theirs = later?.accessTokens.find(({ tokenHash }) => equalHashes(tokenHash, accessHash));
  return later && theirs && refusalOf(later, now) === undefined
    ? tokensGranted(later, current, theirs, answer)
    : undefined;
}
