import { isMarkedToken, parseToken, type Token } from "../core/secrets.js";
import type { IdentityModels } from "../schemas/models.js";
import { issuedOf } from "./access.js";
import { endGrants, type Grant, readGrant } from "./grants.js";
import type { AuthenticatedClient } from "./types.js";

/**
 * Revokes a token at the wish of its client (RFC 7009). A refresh token, also one that has been rotated, ends its whole
 * authorization, access tokens included; an access token ends alone. A token that is unknown, or another client's, is
 * left as it is, and that is no error. What kind of token it is shows in the token itself, so a hint is not needed, and
 * a wrong one does no harm.
 *
 * @returns true when this call ended something; a client must not be told.
 * @throws IdentityError `SCHEMA_TOO_NEW`.
 */
export async function revokeToken(
  models: IdentityModels,
  input: { client: AuthenticatedClient; token: unknown },
  now: Date,
): Promise<boolean> {
  const refreshToken = parseToken("refreshToken", input.token);
  const token = refreshToken ?? parseToken("accessToken", input.token);
  if (!token) return false;
  const grant = await readGrant(models, token);
  if (!grant?.appId.equals(input.client._id)) return false;
  return refreshToken
    ? endByRefreshToken(models, grant, refreshToken, now)
    : endAccessToken(models, grant, token);
}

async function endByRefreshToken(
  models: IdentityModels,
  grant: Grant,
  token: Token,
  now: Date,
): Promise<boolean> {
  if (!grant.tokenHash || !isMarkedToken(token, grant.markKey)) return false;
  return (await endGrants(models, { _id: grant._id }, "revoked_by_client", now)) === 1;
}

async function endAccessToken(models: IdentityModels, grant: Grant, token: Token): Promise<boolean> {
  const issued = issuedOf(grant, token);
  if (!issued) return false;
  const { modifiedCount } = await models.AppToken.collection.updateOne({ _id: grant._id }, {
    $pull: { accessTokens: { tokenHash: issued.tokenHash } },
  } as Record<string, object>);
  return modifiedCount === 1;
}
