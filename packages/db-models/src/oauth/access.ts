import type { Types } from "mongoose";
import type { Context } from "../context/context.js";
import { equalHashes, parseToken, sha256, type Token } from "../core/secrets.js";
import type { IssuedAccessToken } from "../schemas/app-token.js";
import type { AuthorizationFacts } from "../schemas/parts/authorization-facts.js";
import { type Grant, readGrant, refusalOf } from "./grants.js";
import { factsOf } from "./issue.js";
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
  const grant = await readGrant(models, sha256(parsed.handle));
  return decide(grant, grant && issuedOf(grant, parsed), now);
}

const tokenId = /^([\w-]{43})\.([\w-]{43})$/;

export async function validateAccessTokenById(context: Context, id: unknown): Promise<AccessTokenCheck> {
  const { models, now } = context;
  const [, handleHash, tokenHash] = tokenId.exec(typeof id === "string" ? id : "") ?? [];
  if (!handleHash || !tokenHash) return { ok: false, reason: "malformed" };
  const grant = await readGrant(models, handleHash);
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
  const { _id: authorizationId, userId, appId, handleHash } = grant;
  const { scopes, audiences, dpopKey, createdAt, expiresAt, tokenHash } = issued;
  return {
    authorizationId,
    id: `${handleHash}.${tokenHash}`,
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
