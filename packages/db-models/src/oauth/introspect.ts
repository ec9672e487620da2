import type { Context } from "../context/context.js";
import { formatScopes } from "../core/scopes.js";
import { equalHashes, parseToken, sha256 } from "../core/secrets.js";
import { placeOf } from "../queries/place.js";
import {
  type AccessTokenCheck,
  type ActiveAccessToken,
  validateAccessToken,
  validateAccessTokenById,
} from "./access.js";
import { refusalOf } from "./grants.js";
import { type PresentedAuthorization, readGrantOnce } from "./presented.js";
import type { AuthenticatedClient } from "./types.js";

/** An answer of RFC 7662 section 2.2, ready to be sent. Times are seconds since 1970. */
export type Introspection =
  | { active: false }
  | {
      active: true;
      scope: string;
      client_id: string;
      /** The user, or the app where it acts for itself. */
      sub: string;
      token_type?: "Bearer" | "DPoP";
      exp: number;
      iat: number;
      jti?: string;
      aud?: string | string[];
      /** RFC 9449 section 6.2. */
      cnf?: { jkt: string };
      /** RFC 9470 section 6.2. */
      acr?: string;
      auth_time?: number;
      amr?: string[];
      /** Who acts for `sub` (RFC 8693 section 4.1). */
      act?: { sub: string };
    };

export interface TokenQuestion {
  /** Only a client that has authenticated with a secret may ask (RFC 7662 section 2.1). */
  client: AuthenticatedClient & { type: "confidential" };
  token: unknown;
  /** As `authenticateClient` read it in the same request. Default: it is read here. */
  authorization?: PresentedAuthorization | undefined;
  /** Id of the access token, where `token` was a JWT that stands for it. */
  accessTokenId?: string | undefined;
  /** The resource server that a token is for which names none. */
  defaultAudience?: string | undefined;
}

export async function introspectToken(
  context: Context,
  { client, token, accessTokenId, authorization, defaultAudience }: TokenQuestion,
): Promise<Introspection> {
  const check =
    accessTokenId === undefined
      ? await validateAccessToken(context, token, authorization)
      : await validateAccessTokenById(context, accessTokenId);
  if (check.ok || check.reason !== "malformed") return describeAccess(client, check, defaultAudience);
  const answer = await introspectRefresh(context, token, authorization);
  return answer?.active && answer.client_id === client.clientId ? answer : { active: false };
}

/** A resource server sees the tokens that name it; every client its own. */
function isVisible(
  { clientId, serves = [] }: AuthenticatedClient,
  token: ActiveAccessToken,
  audiences: readonly string[] | undefined,
): boolean {
  return token.clientId === clientId || (audiences ?? []).some((audience) => serves.includes(audience));
}

function describeAccess(
  client: AuthenticatedClient,
  check: AccessTokenCheck,
  defaultAudience: string | undefined,
): Introspection {
  if (!check.ok) return { active: false };
  const { id, scopes, clientId, userId, createdAt, expiresAt, dpopKey, facts } = check.token;
  const audiences = check.token.audiences ?? (defaultAudience === undefined ? undefined : [defaultAudience]);
  if (!isVisible(client, check.token, audiences)) return { active: false };
  const { acr, amr, authenticatedAt, actor } = facts;
  return {
    active: true,
    scope: formatScopes(scopes),
    client_id: clientId,
    sub: userId?.toHexString() ?? clientId,
    token_type: dpopKey ? "DPoP" : "Bearer",
    exp: seconds(expiresAt),
    iat: seconds(createdAt),
    jti: id,
    ...(audiences && { aud: audiences.length === 1 ? (audiences[0] ?? "") : audiences }),
    ...(dpopKey && { cnf: { jkt: dpopKey } }),
    ...(acr !== undefined && { acr: String(acr) }),
    ...(authenticatedAt && { auth_time: seconds(authenticatedAt) }),
    ...(amr && amr.length > 0 && { amr }),
    ...(actor && { act: { sub: actor.toHexString() } }),
  };
}

async function introspectRefresh(
  context: Context,
  presented: unknown,
  authorization: PresentedAuthorization | undefined,
): Promise<Introspection | undefined> {
  const { now } = context;
  const token = parseToken("refreshToken", presented);
  if (!token) return undefined;
  const grant = await readGrantOnce(context, placeOf(token), authorization);
  if (!grant?.tokenHash || !equalHashes(sha256(token.raw), grant.tokenHash)) return undefined;
  if (refusalOf(grant, now)) return undefined;
  const clientId = grant.app[0]?.clientId ?? "";
  return {
    active: true,
    scope: formatScopes(grant.scopes),
    client_id: clientId,
    sub: grant.userId?.toHexString() ?? clientId,
    exp: seconds(grant.expiresAt),
    iat: seconds(grant.rotations.at(-1)?.rotatedAt ?? grant.usedAt ?? grant.createdAt),
  };
}

function seconds(moment: Date): number {
  return Math.floor(moment.getTime() / 1_000);
}
