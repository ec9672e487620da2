import type { Context } from "../context/context.js";
import { formatScopes } from "../core/scopes.js";
import { equalHashes, parseToken, sha256 } from "../core/secrets.js";
import { validateAccessToken } from "./access.js";
import { readGrant, refusalOf } from "./grants.js";
import type { AuthenticatedClient } from "./types.js";

/** An answer of RFC 7662 section 2.2, ready to be sent. Times are seconds since 1970. */
export type Introspection =
  | { active: false }
  | {
      active: true;
      scope: string;
      client_id: string;
      sub: string;
      token_type?: "Bearer";
      exp: number;
      iat: number;
    };

export interface TokenQuestion {
  /** Only a client that has authenticated with a secret may ask (RFC 7662 section 2.1). */
  client: AuthenticatedClient & { type: "confidential" };
  token: unknown;
}

export async function introspectToken(
  context: Context,
  { client, token }: TokenQuestion,
): Promise<Introspection> {
  const answer = (await introspectAccess(context, token)) ?? (await introspectRefresh(context, token));
  return answer?.active && answer.client_id === client.clientId ? answer : { active: false };
}

async function introspectAccess(context: Context, presented: unknown): Promise<Introspection | undefined> {
  const check = await validateAccessToken(context, presented);
  if (!check.ok) return check.reason === "malformed" ? undefined : { active: false };
  const { scopes, clientId, userId, createdAt, expiresAt } = check.token;
  return {
    active: true,
    scope: formatScopes(scopes),
    client_id: clientId,
    sub: userId.toHexString(),
    token_type: "Bearer",
    exp: seconds(expiresAt),
    iat: seconds(createdAt),
  };
}

async function introspectRefresh(context: Context, presented: unknown): Promise<Introspection | undefined> {
  const { models, now } = context;
  const token = parseToken("refreshToken", presented);
  if (!token) return undefined;
  const grant = await readGrant(models, token);
  if (!grant?.tokenHash || !equalHashes(sha256(token.raw), grant.tokenHash)) return undefined;
  if (refusalOf(grant, now)) return undefined;
  return {
    active: true,
    scope: formatScopes(grant.scopes),
    client_id: grant.app[0]?.clientId ?? "",
    sub: grant.userId.toHexString(),
    exp: seconds(grant.expiresAt),
    iat: seconds(grant.rotations.at(-1)?.rotatedAt ?? grant.usedAt ?? grant.createdAt),
  };
}

function seconds(moment: Date): number {
  return Math.floor(moment.getTime() / 1_000);
}
