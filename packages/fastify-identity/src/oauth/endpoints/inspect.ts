import type { FastifyRequest } from "fastify";
import { invalidRequest, OAuthError } from "../oauth-error.js";
import type { Provider } from "../provider.js";
import { claimsOf } from "../tokens/access-token.js";
import { authenticateClient } from "../tokens/authenticate-client.js";
import type { Parameters } from "./parameters.js";

/** Introspection (RFC 7662): a resource server asks for the tokens that name it, a client for its own. */
export async function introspect(provider: Provider, request: FastifyRequest): Promise<object> {
  const parameters = request.body as Parameters;
  const asked = parameters.one("token");
  const { client, authorization } = await authenticateClient(provider, request, parameters, asked);
  if (client.type !== "confidential") {
    throw new OAuthError("invalid_client", "only a client with a secret may ask", { status: 401 });
  }
  const { token, accessTokenId } = await named(provider, asked);
  const asker = { ...client, type: "confidential" } as const;
  const answer = await provider.service.identity.oauth.introspect({
    client: asker,
    token,
    accessTokenId,
    authorization,
    defaultAudience: provider.audience,
  });
  return answer.active ? { ...answer, iss: provider.issuer } : answer;
}

/** Revocation (RFC 7009): a token that is not there, or another client's, is no error. */
export async function revoke(provider: Provider, request: FastifyRequest): Promise<void> {
  const parameters = request.body as Parameters;
  const asked = parameters.one("token");
  const { client, authorization } = await authenticateClient(provider, request, parameters, asked);
  await provider.service.identity.oauth.revoke({ client, authorization, ...(await named(provider, asked)) });
}

async function named(provider: Provider, token: string | undefined) {
  if (token === undefined) throw invalidRequest("token is missing");
  const claims = await claimsOf(provider, token);
  return { token, ...(claims && { accessTokenId: String(claims.jti) }) };
}
