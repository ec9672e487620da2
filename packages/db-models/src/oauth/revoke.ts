import type { Context } from "../context/context.js";
import { isMarkedToken, parseToken, type Token } from "../core/secrets.js";
import { placeOf } from "../queries/place.js";
import type { IdentityModels } from "../schemas/models.js";
import { issuedOf, readAccessTokenId } from "./access.js";
import { documentOf, endGrants, type Grant, readGrant } from "./grants.js";
import { type PresentedAuthorization, readGrantOnce } from "./presented.js";
import type { AuthenticatedClient } from "./types.js";

export interface TokenRevocation {
  client: AuthenticatedClient;
  token: unknown;
  /** As `authenticateClient` read it in the same request. Default: it is read here. */
  authorization?: PresentedAuthorization | undefined;
  /** Id of the access token, where `token` was a JWT that stands for it. */
  accessTokenId?: string | undefined;
}

export async function revokeToken(context: Context, input: TokenRevocation): Promise<boolean> {
  const { models } = context;
  if (input.accessTokenId !== undefined) return revokeById(context, input.client, input.accessTokenId);
  const refreshToken = parseToken("refreshToken", input.token);
  const token = refreshToken ?? parseToken("accessToken", input.token);
  if (!token) return false;
  const grant = await readGrantOnce(context, placeOf(token), input.authorization);
  if (!grant?.appId.equals(input.client._id)) return false;
  if (refreshToken) return endByRefreshToken(context, grant, refreshToken);
  const issued = issuedOf(grant, token);
  return issued ? endAccessToken(models, grant, issued.tokenHash) : false;
}

async function endByRefreshToken(context: Context, grant: Grant, token: Token): Promise<boolean> {
  if (!grant.tokenHash || !isMarkedToken(token, grant.markKey)) return false;
  return (await endGrants(context, documentOf(grant), "revoked_by_client")) === 1;
}

async function revokeById(context: Context, client: AuthenticatedClient, id: string): Promise<boolean> {
  const named = readAccessTokenId(id);
  if (!named) return false;
  const grant = await readGrant(context, named.place);
  if (!grant?.appId.equals(client._id)) return false;
  return endAccessToken(context.models, grant, named.tokenHash);
}

async function endAccessToken(models: IdentityModels, grant: Grant, tokenHash: Buffer): Promise<boolean> {
  const { modifiedCount } = await models.AppToken.collection.updateOne(documentOf(grant), {
    $pull: { accessTokens: { tokenHash } },
  } as Record<string, object>);
  return modifiedCount === 1;
}
