import type { Types } from "mongoose";
import type { Context } from "../context/context.js";
import { equalHashes, parseToken, readPlace, sha256, type Token } from "../core/secrets.js";
import { type Place, placeOf } from "../queries/place.js";
import type { IssuedAccessToken } from "../schemas/app-token.js";
import type { AuthorizationFacts } from "../schemas/parts/authorization-facts.js";
import { type Grant, readGrant, refusalOf } from "./grants.js";
import { accessTokenIdOf, factsOf } from "./issue.js";
import type { GrantRefusal } from "./types.js";

/** Facts that a resource server needs about the token of a request. */
export interface ActiveAccessToken {
  authorizationId: Types.ObjectId;
  /** Names the token without being it. */
  id: string;
  /** Absent where the app acts for itself. */
  userId?: Types.ObjectId;
  appId: Types.ObjectId;
  clientId: string;
  /** To be asked with {@link grantsScope}. */
  scopes: string[];
  /** Resource servers that it is for; absent where none was named. */
  audiences?: string[];
  /** Thumbprint of the key that each request with it has to prove possession of (RFC 9449). */
  dpopKey?: string;
  /** Facts of the authorization. */
  facts: AuthorizationFacts;
  createdAt: Date;
  expiresAt: Date;
}

export type AccessTokenCheck = { ok: true; token: ActiveAccessToken } | { ok: false; reason: GrantRefusal };

export async function validateAccessToken(context: Context, token: unknown): Promise<AccessTokenCheck> {
  const { models, now } = context;
  const parsed = parseToken("accessToken", token);
  if (!parsed) return { ok: false, reason: "malformed" };
  const grant = await readGrant(models, placeOf(parsed));
  return decide(grant, grant && issuedOf(grant, parsed), now);
}

const tokenId = /^([\w-]{32})\.([\w-]{43})$/;

/** Reads what {@link accessTokenIdOf} wrote. */
export function readAccessTokenId(id: unknown): { place: Place; tokenHash: Buffer } | undefined {
  const [, place, hash] = tokenId.exec(typeof id === "string" ? id : "") ?? [];
  if (!place || !hash) return undefined;
  return { place: placeOf({ place: readPlace(place) }), tokenHash: Buffer.from(hash, "base64url") };
}

export async function validateAccessTokenById(context: Context, id: unknown): Promise<AccessTokenCheck> {
  const { models, now } = context;
  const named = readAccessTokenId(id);
  if (!named) return { ok: false, reason: "malformed" };
  const { place, tokenHash } = named;
  const grant = await readGrant(models, place);
  const issued = grant?.accessTokens.find((one) => equalHashes(one.tokenHash, tokenHash));
  return decide(grant, issued, now);
}

function decide(
  grant: Grant | undefined,
  issued: IssuedAccessToken | undefined,
  now: Date,
): AccessTokenCheck {
  if (!grant || !issued) return { ok: false, reason: "unknown" };
  const reason = refusalOf(grant, now) ?? (issued.expiresAt <= now ? "expired" : undefined);
  return reason ? { ok: false, reason } : { ok: true, token: describe(grant, issued) };
}

/** The access token of an authorization that was presented, if it is one of them. */
export function issuedOf(grant: Grant, presented: Token): IssuedAccessToken | undefined {
  const hash = sha256(presented.raw);
  return grant.accessTokens.find(({ tokenHash }) => equalHashes(tokenHash, hash));
}

function describe(grant: Grant, issued: IssuedAccessToken): ActiveAccessToken {
  const { _id: authorizationId, userId, appId } = grant;
  const { scopes, audiences, dpopKey, createdAt, expiresAt } = issued;
  return {
    authorizationId,
    id: accessTokenIdOf(grant, issued),
    ...(userId && { userId }),
    appId,
    clientId: grant.app[0]?.clientId ?? "",
    scopes,
    ...(audiences && { audiences }),
    ...(dpopKey && { dpopKey }),
    facts: factsOf(grant),
    createdAt,
    expiresAt,
  };
}
