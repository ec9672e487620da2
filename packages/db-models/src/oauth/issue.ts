import { Types } from "mongoose";
import type { Context } from "../context/context.js";
import { formatScopes } from "../core/scopes.js";
import {
  deriveToken,
  type LocatedToken,
  mintMarkedToken,
  mintToken,
  randomKey,
  sha256,
  writePlace,
} from "../core/secrets.js";
import { tokenPlace } from "../queries/place.js";
import type { AppTokenDocument, IssuedAccessToken } from "../schemas/app-token.js";
import type { AuthorizationFacts } from "../schemas/parts/authorization-facts.js";
import { currentSchemaVersion } from "../schemas/parts/version.js";
import { expiryFrom } from "./expiry.js";
import type { Grant } from "./grants.js";
import type { TokensGranted } from "./types.js";

/** What an access token is to be good for. */
export interface AccessWish {
  scopes: string[];
  /** Default: nothing in particular. */
  audiences?: string[] | undefined;
  /** Thumbprint of the key that it is bound to. Default: none. */
  dpopKey?: string | undefined;
  /** It lasts so long at most, milliseconds. Default: as the policy has it. */
  lifetimeMs?: number | undefined;
}

/** A text that differs for wishes that differ. */
export function wishText({ scopes, audiences = [], dpopKey = "" }: AccessWish): string {
  const parts = [formatScopes(scopes), audiences.join(" "), dpopKey];
  return parts.slice(1).some(Boolean) ? parts.join("\n") : formatScopes(scopes);
}

/**
 * The access token for a wish that goes with a refresh token. It follows from both, so that a retry of a rotation, which
 * reads the refresh token from its seal, gets the same one, and one that wishes for less another one.
 */
export function accessTokenOf(refreshToken: LocatedToken, wish: AccessWish): LocatedToken {
  return deriveToken("accessToken", refreshToken, wishText(wish));
}

/** That access token as it is stored. */
export function issueAccessToken(
  { now, policies }: Pick<Context, "now" | "policies">,
  refreshToken: LocatedToken,
  wish: AccessWish,
  absoluteExpiresAt: Date,
): IssuedAccessToken {
  const { scopes, audiences, dpopKey, lifetimeMs = Infinity } = wish;
  const lifetime = Math.min(policies.oauth.accessTokenLifetimeMs, lifetimeMs);
  const expiresAt = Math.min(now.getTime() + lifetime, absoluteExpiresAt.getTime());
  return {
    tokenHash: sha256(accessTokenOf(refreshToken, wish).raw),
    scopes,
    ...(audiences && { audiences }),
    ...(dpopKey && { dpopKey }),
    createdAt: now,
    expiresAt: new Date(expiresAt),
  };
}

/** Names an access token, and leads to it, without being it. */
export function accessTokenIdOf(
  { ownerId, _id }: Pick<AppTokenDocument, "_id" | "ownerId">,
  { tokenHash }: Pick<IssuedAccessToken, "tokenHash">,
): string {
  const place = writePlace(tokenPlace({ ownerId, id: _id }));
  return `${place}.${tokenHash.toString("base64url")}`;
}

type Answered = Pick<Grant, "_id" | "ownerId" | "userId" | "createdAt"> & AuthorizationFacts;

export function tokensGranted(
  grant: Answered,
  refreshToken: LocatedToken,
  issued: IssuedAccessToken,
  { retried, mayRefresh }: { retried: boolean; mayRefresh: boolean },
): TokensGranted {
  const { scopes, audiences, dpopKey, createdAt, expiresAt } = issued;
  return {
    ok: true,
    authorizationId: grant._id,
    ...(grant.userId && { userId: grant.userId }),
    accessToken: accessTokenOf(refreshToken, issued).raw,
    accessTokenId: accessTokenIdOf(grant, issued),
    accessTokenCreatedAt: createdAt,
    accessTokenExpiresAt: expiresAt,
    ...(mayRefresh && { refreshToken: refreshToken.raw }),
    scopes,
    ...(audiences && { audiences }),
    ...(dpopKey && { dpopKey }),
    facts: factsOf(grant),
    retried,
  };
}

/** The facts of an authorization, without the rest. */
export function factsOf(document: AuthorizationFacts): AuthorizationFacts {
  const { nonce, authenticatedAt, acr, amr, sessionId, boundSessionId, actor } = document;
  const { audiences, dpopKey, claims } = document;
  const ofSession = { authenticatedAt, acr, amr, sessionId, boundSessionId, actor };
  const facts = { nonce, ...ofSession, audiences, dpopKey, claims };
  const known = Object.entries(facts).filter(([, value]) => value !== undefined && value !== null);
  return Object.fromEntries(known) as AuthorizationFacts;
}

interface NewGrant extends AuthorizationFacts {
  appId: Types.ObjectId;
  userId?: Types.ObjectId;
  permissionId?: Types.ObjectId;
  permissionGeneration?: number;
  scopes: string[];
  /** It ends by then at the latest. Default: as the policy has it. */
  endsBy?: Date | undefined;
}

/** An authorization without tokens yet, and its code, under whose handle they will be. */
export function newGrant(
  context: Context,
  grant: NewGrant,
): { code: LocatedToken; document: AppTokenDocument } {
  const { now, policies } = context;
  const { appId, userId, permissionId, permissionGeneration, scopes } = grant;
  const _id = new Types.ObjectId();
  const ownerId = userId ?? appId;
  const place = tokenPlace({ ownerId, id: _id });
  const latest = now.getTime() + policies.oauth.refreshLifetimeMs;
  const absoluteExpiresAt = new Date(Math.min(latest, grant.endsBy?.getTime() ?? latest));
  const document: AppTokenDocument = {
    _id,
    ownerId,
    appId,
    ...(permissionId && { permissionId }),
    ...(permissionGeneration !== undefined && { permissionGeneration }),
    scopes,
    ...factsOf(grant),
    markKey: randomKey(),
    generation: 0,
    rotations: [],
    accessTokens: [],
    createdAt: now,
    absoluteExpiresAt,
    ...expiryFrom(context, policies.oauth.codeLifetimeMs, absoluteExpiresAt),
    schemaVersion: currentSchemaVersion,
  };
  return { code: mintToken("authorizationCode", place), document };
}

/** Stores an authorization that there is no code of, with its first tokens. */
export async function grantAtOnce(
  context: Context,
  grant: NewGrant,
  { wish, mayRefresh }: { wish: AccessWish; mayRefresh: boolean },
): Promise<TokensGranted> {
  const { models, now, policies } = context;
  const { code, document } = newGrant(context, grant);
  const { refreshIdleMs, accessTokenLifetimeMs } = policies.oauth;
  const refreshToken = mintMarkedToken("refreshToken", code, document.markKey);
  const issued = issueAccessToken(context, refreshToken, wish, document.absoluteExpiresAt);
  const idleMs = mayRefresh ? refreshIdleMs : accessTokenLifetimeMs;
  await models.AppToken.collection.insertOne({
    ...document,
    usedAt: now,
    ...(mayRefresh && { tokenHash: sha256(refreshToken.raw) }),
    accessTokens: [issued],
    ...expiryFrom(context, idleMs, document.absoluteExpiresAt),
  });
  const { userId } = grant;
  const answered = { ...document, ...(userId && { userId }) };
  return tokensGranted(answered, refreshToken, issued, { retried: false, mayRefresh });
}
