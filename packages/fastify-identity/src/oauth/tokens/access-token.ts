import type { AccessTokenCheck, ActiveAccessToken } from "@org/db-models";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { JWTPayload } from "jose";
import { OAuthError, type OAuthErrorName } from "../oauth-error.js";
import type { Provider } from "../provider.js";
import { proofAlgorithms, proofOf } from "./dpop.js";
import { accessTokenType } from "./tokens.js";

interface Presentation {
  /** Address of the endpoint, for DPoP proofs. */
  readonly url: string;
  /** The token, where it stands in the body (RFC 6750 section 2.2). */
  readonly inBody?: string | undefined;
}

type Scheme = "Bearer" | "DPoP";

/**
 * The access token that a request presents, with its proof of possession where it is bound to a key. It is looked up, so
 * that whatever ends it ends it at once.
 *
 * @throws OAuthError with 401 and the challenge of RFC 6750 section 3 or RFC 9449 section 7.1.
 */
export async function accessTokenOf(
  provider: Provider,
  request: FastifyRequest,
  reply: FastifyReply,
  { url, inBody }: Presentation,
): Promise<ActiveAccessToken> {
  const [, scheme = "Bearer", value = inBody] =
    /^(Bearer|DPoP) +(\S+)$/i.exec(request.headers.authorization ?? "") ?? [];
  // RFC 6750 section 3.1: who has presented none is told no error.
  if (value === undefined) throw refused("invalid_token", "Bearer", { isError: false });
  const isDpop = /^dpop$/i.test(scheme);
  const check = await checkToken(provider, value);
  if (!check.ok) throw refused("invalid_token", isDpop ? "DPoP" : "Bearer");
  const { dpopKey } = check.token;
  // A token that is bound must not pass as one that is not, nor the other way round.
  if ((dpopKey !== undefined) !== isDpop)
    throw refused("invalid_token", dpopKey === undefined ? "Bearer" : "DPoP");
  if (dpopKey !== undefined) await checkProof(provider, request, reply, { url, value, dpopKey });
  return check.token;
}

async function checkProof(
  provider: Provider,
  request: FastifyRequest,
  reply: FastifyReply,
  { url, value, dpopKey }: { url: string; value: string; dpopKey: string },
): Promise<void> {
  let proved: string | undefined;
  try {
    proved = await proofOf(provider, request, reply, { url, accessToken: value });
  } catch (error) {
    if (error instanceof OAuthError) throw refused(error.error, "DPoP");
    throw error;
  }
  if (proved === undefined) throw refused("invalid_dpop_proof", "DPoP");
  if (proved !== dpopKey) throw refused("invalid_token", "DPoP");
}

/** Looks an access token up, opaque or JWT. */
async function checkToken(provider: Provider, value: string): Promise<AccessTokenCheck> {
  const { oauth } = provider.service.identity;
  const claims = await claimsOf(provider, value);
  return claims ? oauth.validateById(claims.jti) : oauth.validate(value);
}

/** The claims of an access token that is a JWT of ours; `undefined` for anything else. */
export async function claimsOf({ keys, issuer }: Provider, value: string): Promise<JWTPayload | undefined> {
  if (!value.includes(".")) return undefined;
  const claims = await keys.verify(value, accessTokenType);
  return claims?.iss === issuer ? claims : undefined;
}

/** The header that says how to come back. */
export function challenge(scheme: Scheme, error?: OAuthErrorName): Record<string, string> {
  const algorithms = scheme === "DPoP" ? `, algs="${proofAlgorithms.join(" ")}"` : "";
  const named = error === undefined ? "" : `, error="${error}"`;
  return { "www-authenticate": `${scheme} realm="oauth"${named}${algorithms}` };
}

function refused(error: OAuthErrorName, scheme: Scheme, { isError = true } = {}): OAuthError {
  const headers = challenge(scheme, isError ? error : undefined);
  return new OAuthError(error, "the access token is missing or not valid", { status: 401, headers });
}
