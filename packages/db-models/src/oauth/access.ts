import type { Types } from "mongoose";
import type { Context } from "../context/context.js";
import { equalHashes, parseToken, sha256, type Token } from "../core/secrets.js";
import type { IssuedAccessToken } from "../schemas/app-token.js";
import { type Grant, readGrant, refusalOf } from "./grants.js";
import type { GrantRefusal } from "./types.js";

/** Facts that a resource server needs about the token of a request. */
export interface ActiveAccessToken {
  authorizationId: Types.ObjectId;
  userId: Types.ObjectId;
  appId: Types.ObjectId;
  clientId: string;
  /** To be asked with {@link grantsScope}. */
  scopes: string[];
  createdAt: Date;
  expiresAt: Date;
}

export type AccessTokenCheck = { ok: true; token: ActiveAccessToken } | { ok: false; reason: GrantRefusal };

export async function validateAccessToken(context: Context, token: unknown): Promise<AccessTokenCheck> {
  const { models, now } = context;
  const parsed = parseToken("accessToken", token);
  if (!parsed) return { ok: false, reason: "malformed" };
  const grant = await readGrant(models, parsed);
  const issued = grant && issuedOf(grant, parsed);
  if (!grant || !issued) return { ok: false, reason: "unknown" };
  const reason = refusalOf(grant, now) ?? (issued.expiresAt <= now ? "expired" : undefined);
  return reason ? { ok: false, reason } : { ok: true, token: describe(grant, issued) };
}

/** The access token of an authorization that was presented, if it is one of them. */
export function issuedOf(grant: Grant, presented: Token): IssuedAccessToken | undefined {
  const hash = sha256(presented.raw);
  return grant.accessTokens.find(({ tokenHash }) => equalHashes(tokenHash, hash));
}

function describe(grant: Grant, { scopes, createdAt, expiresAt }: IssuedAccessToken): ActiveAccessToken {
  const { _id: authorizationId, userId, appId } = grant;
  const clientId = grant.app[0]?.clientId ?? "";
  return { authorizationId, userId, appId, clientId, scopes, createdAt, expiresAt };
}
