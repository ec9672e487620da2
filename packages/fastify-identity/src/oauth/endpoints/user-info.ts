import type { ActiveAccessToken } from "@org/db-models";
import type { FastifyReply, FastifyRequest } from "fastify";
import { toProblem } from "../../flows/problems.js";
import { OAuthError } from "../oauth-error.js";
import type { Provider } from "../provider.js";
import { accessTokenOf, challenge } from "../tokens/access-token.js";
import { userInfoClaims } from "../tokens/claims.js";
import { allowOrigin } from "./cors.js";
import { Parameters } from "./parameters.js";

/** UserInfo (OpenID Connect Core section 5.3). */
export async function userInfo(
  provider: Provider,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<Record<string, unknown>> {
  if (Parameters.fromQuery(request.url).has("access_token")) {
    // RFC 6750 section 2.3: it would stand in logs and histories.
    throw refusal("invalid_request", "an access token must not stand in an address", 400);
  }
  const token = await tokenOf(provider, request, reply);
  if (!token.scopes.includes("openid") || !token.userId) {
    throw refusal("insufficient_scope", "the token has no scope openid", 403);
  }
  return { ...(await claimsFor(provider, token)), sub: token.userId.toHexString() };
}

/** The token, whose client's pages may read the answer. That a token is not valid every page may read. */
async function tokenOf(
  provider: Provider,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<ActiveAccessToken> {
  const { origin } = request.headers;
  const origins = origin === undefined ? undefined : [origin];
  try {
    const inBody = tokenInBody(request);
    const token = await accessTokenOf(provider, request, reply, { url: provider.url("userInfo"), inBody });
    assertForUs(provider, token);
    const known = origins && (await provider.service.identity.oauth.findClient(token.clientId));
    allowOrigin(request, reply, known?.client.origins);
    return token;
  } catch (error) {
    if (error instanceof OAuthError) allowOrigin(request, reply, origins);
    throw error;
  }
}

/** The token of a form (RFC 6750 section 2.2): once, and in no other way besides. */
function tokenInBody({ body, headers }: FastifyRequest): string | undefined {
  if (!(body instanceof Parameters)) return undefined;
  if (body.fault !== undefined) throw refusal("invalid_request", body.fault, 400);
  const token = body.one("access_token");
  if (token !== undefined && /^(Bearer|DPoP) /i.test(headers.authorization ?? "")) {
    throw refusal("invalid_request", "the access token is sent in two ways", 400);
  }
  return token;
}

/** A token that names resource servers is for them (RFC 8707 section 2, RFC 9068 section 4): UserInfo is the issuer's. */
function assertForUs({ issuer, audience }: Provider, { audiences }: ActiveAccessToken): void {
  if (!audiences || audiences.some((one) => one === issuer || one === audience)) return;
  throw refusal("invalid_token", "the token is for another resource server", 401);
}

async function claimsFor(
  { service }: Provider,
  { userId, scopes, facts }: ActiveAccessToken,
): Promise<Record<string, unknown>> {
  if (!userId) return {};
  try {
    return userInfoClaims(await service.identity.users.read(userId), scopes, facts.claims);
  } catch (error) {
    if (toProblem(error).code === "USER_NOT_FOUND")
      throw refusal("invalid_token", "the token is not valid", 401);
    throw error;
  }
}

function refusal(
  error: "invalid_request" | "invalid_token" | "insufficient_scope",
  text: string,
  status: number,
) {
  return new OAuthError(error, text, { status, headers: challenge("Bearer", error) });
}
