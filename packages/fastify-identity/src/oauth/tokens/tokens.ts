import { hash } from "node:crypto";
import { type AuthenticatedClient, formatScopes, type TokensGranted } from "@org/db-models";
import type { Types } from "mongoose";
import { type Provider, seconds } from "../provider.js";
import { idTokenClaims } from "./claims.js";

/** An answer of the token endpoint (RFC 6749 section 5.1, OpenID Connect Core section 3.1.3.3). */
export interface TokenAnswer {
  access_token: string;
  token_type: "Bearer" | "DPoP";
  expires_in: number;
  scope: string;
  refresh_token?: string;
  id_token?: string;
}

/** What a client gets for tokens that were granted. */
export async function answerOf(
  provider: Provider,
  client: AuthenticatedClient,
  granted: TokensGranted,
  { isRefresh = false } = {},
): Promise<TokenAnswer> {
  const { refreshToken, scopes, dpopKey, accessTokenExpiresAt } = granted;
  const now = provider.service.clock.now();
  const accessToken = await accessTokenFor(provider, client, granted);
  const isSignIn = scopes.includes("openid") && granted.userId !== undefined;
  const idToken = isSignIn
    ? await idTokenFor(provider, client, granted, { accessToken, isRefresh })
    : undefined;
  return {
    access_token: accessToken,
    token_type: dpopKey === undefined ? "Bearer" : "DPoP",
    expires_in: Math.max(0, Math.floor((accessTokenExpiresAt.getTime() - now.getTime()) / 1_000)),
    scope: formatScopes(scopes),
    ...(refreshToken !== undefined && { refresh_token: refreshToken }),
    ...(idToken !== undefined && { id_token: idToken }),
  };
}

/** Type of the JWTs that are access tokens (RFC 9068 section 2.1). */
export const accessTokenType = "at+jwt";

/** An opaque token as it is, or a JWT that stands for it. */
async function accessTokenFor(
  { keys, issuer, audience, settings }: Provider,
  client: AuthenticatedClient,
  granted: TokensGranted,
): Promise<string> {
  if (client.accessTokenFormat !== "jwt") return granted.accessToken;
  const { audiences = [audience], dpopKey, userId, facts, accessTokenId, scopes } = granted;
  const { authenticatedAt, acr, amr, sessionId, actor } = facts;
  const claims = {
    iss: issuer,
    sub: userId?.toHexString() ?? client.clientId,
    aud: audiences.length === 1 ? audiences[0] : audiences,
    client_id: client.clientId,
    jti: accessTokenId,
    iat: seconds(granted.accessTokenCreatedAt),
    exp: seconds(granted.accessTokenExpiresAt),
    scope: formatScopes(scopes),
    ...(authenticatedAt && { auth_time: seconds(authenticatedAt) }),
    ...(acr !== undefined && { acr: String(acr) }),
    ...(amr && amr.length > 0 && { amr }),
    ...(sessionId && { sid: sessionId.toHexString() }),
    ...(dpopKey !== undefined && { cnf: { jkt: dpopKey } }),
    ...actOf(actor),
  };
  return keys.sign(claims as Record<string, unknown>, {
    typ: accessTokenType,
    alg: settings.algorithms[0] ?? "RS256",
  });
}

/** Who acts for the subject (RFC 8693 section 4.1). No scope and no request leaves it out. */
const actOf = (actor: Types.ObjectId | undefined) => (actor ? { act: { sub: actor.toHexString() } } : {});

/** An id_token (OpenID Connect Core section 2). One of a refresh has no nonce (section 12.2). */
async function idTokenFor(
  { keys, issuer, settings, service }: Provider,
  client: AuthenticatedClient,
  { facts, userId, scopes, accessTokenExpiresAt }: TokensGranted,
  { accessToken, isRefresh }: { accessToken: string; isRefresh: boolean },
): Promise<string | undefined> {
  if (!userId) return undefined;
  const { nonce, authenticatedAt, acr, amr, sessionId, actor, claims } = facts;
  const alg = client.idTokenAlgorithm ?? "RS256";
  const now = service.clock.now();
  const named =
    claims === undefined ? {} : idTokenClaims(await service.identity.users.read(userId), scopes, claims);
  const exp = seconds(now) + Math.floor(settings.idTokenLifetimeMs / 1_000);
  const content = {
    ...named,
    iss: issuer,
    sub: userId.toHexString(),
    aud: client.clientId,
    iat: seconds(now),
    exp: actor ? Math.min(exp, seconds(accessTokenExpiresAt)) : exp,
    at_hash: halfHash(accessToken, alg),
    ...(authenticatedAt && { auth_time: seconds(authenticatedAt) }),
    ...(nonce !== undefined && !isRefresh && { nonce }),
    ...(acr !== undefined && { acr: String(acr) }),
    ...(amr && amr.length > 0 && { amr }),
    ...(sessionId && { sid: sessionId.toHexString() }),
    ...actOf(actor),
  };
  return keys.sign(content, { typ: "JWT", alg });
}

/** The left half of a hash, by the algorithm of the signature (section 3.1.3.6); Ed25519 has SHA-512. */
function halfHash(token: string, alg: string): string {
  const digest = hash(alg === "EdDSA" ? "sha512" : "sha256", token, "buffer");
  return digest.subarray(0, digest.length / 2).toString("base64url");
}
