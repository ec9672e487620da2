import type { Context } from "../context/context.js";
import { isMarkedToken, parseToken, sha256, type Token } from "../core/secrets.js";
import type { IdentityModels } from "../schemas/models.js";
import { issuedOf } from "./access.js";
import { endGrants, type Grant, readGrant } from "./grants.js";
import type { AuthenticatedClient } from "./types.js";

export interface TokenRevocation {
  client: AuthenticatedClient;
  token: unknown;
  /** Id of the access token, where `token` was a JWT that stands for it. */
  accessTokenId?: string | undefined;
}

export async function revokeToken(context: Context, input: TokenRevocation): Promise<boolean> {
  const { models } = context;
  if (input.accessTokenId !== undefined) return revokeById(context, input.client, input.accessTokenId);
  const refreshToken = parseToken("refreshToken", input.token);
  const token = refreshToken ?? parseToken("accessToken", input.token);
  if (!token) return false;
  const grant = await readGrant(models, sha256(token.handle));
  if (!grant?.appId.equals(input.client._id)) return false;
  if (refreshToken) return endByRefreshToken(context, grant, refreshToken);
  const issued = issuedOf(grant, token);
  return issued ? endAccessToken(models, grant, issued.tokenHash) : false;
}

async function endByRefreshToken(context: Context, grant: Grant, token: Token): Promise<boolean> {
  if (!grant.tokenHash || !isMarkedToken(token, grant.markKey)) return false;
  return (await endGrants(context, { _id: grant._id }, "revoked_by_client")) === 1;
}

async function revokeById({ models }: Context, client: AuthenticatedClient, id: string): Promise<boolean> {
  const [handleHash = "", tokenHash = ""] = id.split(".");
  const grant = await readGrant(models, handleHash);
  if (!grant?.appId.equals(client._id)) return false;
  return endAccessToken(models, grant, tokenHash);
}

async function endAccessToken(models: IdentityModels, { _id }: Grant, tokenHash: string): Promise<boolean> {
  const { modifiedCount } = await models.AppToken.collection.updateOne({ _id }, {
    $pull: { accessTokens: { tokenHash } },
  } as Record<string, object>);
  return modifiedCount === 1;
}
