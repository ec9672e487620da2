import type { AuthenticatedClient } from "@org/db-models";
import { assertionAlgorithmsOf } from "@org/db-models/schemas";
import { decodeJwt, decodeProtectedHeader, importJWK, type JWK, jwtVerify } from "jose";
import type { Provider } from "../provider.js";

/** How a client may sign its assertions. */
export const assertionAlgorithms: readonly string[] = Object.values(assertionAlgorithmsOf).flat();
/** An assertion is kept until it expires, so that it counts once: for an hour at most, which is what Authlib asks for. Seconds. */
const longestLife = 3_600;
const tolerance = 30;

/** Whom an assertion is said to be of, which nothing has shown yet. */
export function subjectOf(assertion: string): string | undefined {
  try {
    return decodeJwt(assertion).sub;
  } catch {
    return undefined;
  }
}

/**
 * Authenticates a client by a JWT that it has signed (RFC 7523 section 3). Its audience is our issuer and nothing else: an
 * endpoint's address would be one that another server can name as its own (OAuth 2.1 section 2.4). Each counts once.
 */
export async function authenticateByAssertion(
  { service, issuer }: Provider,
  clientId: string,
  assertion: string,
): Promise<AuthenticatedClient | undefined> {
  const { identity, clock } = service;
  const known = assertion.length <= 8_192 ? await identity.oauth.findClient(clientId) : undefined;
  if (known?.client.clientAuthentication !== "private_key_jwt") return undefined;
  for (const jwk of known.publicKeys.map((text) => JSON.parse(text) as JWK)) {
    const claims = await claimsBy(jwk, assertion, { issuer, clientId, now: clock.now() });
    if (!claims) continue;
    const { jti, exp = 0, aud } = claims;
    if (typeof jti !== "string" || [aud].flat().length !== 1) return undefined;
    if (exp > clock.now().getTime() / 1_000 + longestLife + tolerance) return undefined;
    const expiresAt = new Date((exp + tolerance) * 1_000);
    const first = await identity.oauth.useAssertion({ holder: `client ${clientId}`, jti, expiresAt });
    return first ? known.client : undefined;
  }
  return undefined;
}

async function claimsBy(
  jwk: JWK,
  assertion: string,
  { issuer, clientId, now }: { issuer: string; clientId: string; now: Date },
) {
  try {
    const algorithms = jwk.alg === undefined ? algorithmsOf(jwk) : [jwk.alg];
    const key = await importJWK(jwk, decodeProtectedHeader(assertion).alg);
    const { payload } = await jwtVerify(assertion, key, {
      algorithms,
      issuer: clientId,
      subject: clientId,
      audience: issuer,
      currentDate: now,
      clockTolerance: tolerance,
      requiredClaims: ["exp", "jti"],
    });
    return payload;
  } catch {
    return undefined;
  }
}

function algorithmsOf({ kty }: JWK): string[] {
  return Object.entries(assertionAlgorithmsOf).flatMap(([kind, algorithms]) =>
    kind === kty ? algorithms : [],
  );
}
