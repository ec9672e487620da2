import type { Context } from "../context/context.js";
import { isMarkedToken, parseToken, type Token } from "../core/secrets.js";
import type { IdentityModels } from "../schemas/models.js";
import { issuedOf } from "./access.js";
import { endGrants, type Grant, readGrant } from "./grants.js";
import type { AuthenticatedClient } from "./types.js";

export async function revokeToken(
  context: Context,
  input: { client: AuthenticatedClient; token: unknown },
): Promise<boolean> {
  const { models } = context;
  const refreshToken = parseToken("refreshToken", input.token);
  const token = refreshToken ?? parseToken("accessToken", input.token);
  if (!token) return false;
  const grant = await readGrant(models, token);
  if (!grant?.appId.equals(input.client._id)) return false;
  return refreshToken
    ? endByRefreshToken(context, grant, refreshToken)
    : endAccessToken(models, grant, token);
}

async function endByRefreshToken(context: Context, grant: Grant, token: Token): Promise<boolean> {
  if (!grant.tokenHash || !isMarkedToken(token, grant.markKey)) return false;
  return (await endGrants(context, { _id: grant._id }, "revoked_by_client")) === 1;
}

async function endAccessToken(models: IdentityModels, grant: Grant, token: Token): Promise<boolean> {
  const issued = issuedOf(grant, token);
  if (!issued) return false;
  const { modifiedCount } = await models.AppToken.collection.updateOne({ _id: grant._id }, {
    $pull: { accessTokens: { tokenHash: issued.tokenHash } },
  } as Record<string, object>);
  return modifiedCount === 1;
}
