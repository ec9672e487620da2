import type { AuthenticatedClient } from "@org/db-models";
import { assertionAlgorithmsOf } from "@org/db-models/schemas";
import { compactVerify, decodeJwt, decodeProtectedHeader, importJWK, type JWK, type JWTPayload } from "jose";
import { type Provider, seconds } from "../provider.js";

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

/** A client that has shown who it is; or why its assertion does not do, which only the holder of its key is told. */
type AssertionCheck =
  | { readonly ok: true; readonly client: AuthenticatedClient }
  | { readonly ok: false; readonly why?: string };

/**
 * Authenticates a client by a JWT that it has signed (RFC 7523 section 3). Its audience is our issuer and nothing else: an
 * endpoint's address would be one that another server can name as its own (OAuth 2.1 section 2.4). Each counts once.
 */
export async function authenticateByAssertion(
  { service, issuer }: Provider,
  clientId: string,
  assertion: string,
): Promise<AssertionCheck> {
  const { identity, clock } = service;
  const known = assertion.length <= 8_192 ? await identity.oauth.findClient(clientId) : undefined;
  if (known?.client.clientAuthentication !== "private_key_jwt") return { ok: false };
  for (const jwk of known.publicKeys.map((text) => JSON.parse(text) as JWK)) {
    const claims = await claimsBy(jwk, assertion);
    if (!claims) continue;
    const why = faultOf(claims, { issuer, clientId, now: seconds(clock.now()) });
    if (why !== undefined) return { ok: false, why };
    const expiresAt = new Date((Number(claims.exp) + tolerance) * 1_000);
    const first = await identity.oauth.useAssertion({
      holder: `client ${clientId}`,
      jti: String(claims.jti),
      expiresAt,
    });
    return first ? { ok: true, client: known.client } : { ok: false, why: "jti was used before" };
  }
  return { ok: false };
}

/** What an assertion says, if this key has signed it. */
async function claimsBy(jwk: JWK, assertion: string): Promise<JWTPayload | undefined> {
  try {
    const algorithms = jwk.alg === undefined ? algorithmsOf(jwk) : [jwk.alg];
    const key = await importJWK(jwk, decodeProtectedHeader(assertion).alg);
    await compactVerify(assertion, key, { algorithms });
    return decodeJwt(assertion);
  } catch {
    return undefined;
  }
}

/** What is wrong with the claims of an assertion (RFC 7523 section 3). */
function faultOf(
  { iss, sub, aud, exp, nbf, jti }: JWTPayload,
  { issuer, clientId, now }: { issuer: string; clientId: string; now: number },
): string | undefined {
  if (iss !== clientId || sub !== clientId) return "iss and sub have to be the client_id";
  const [audience, ...others] = [aud].flat();
  if (audience !== issuer || others.length > 0) return "aud has to be the issuer alone";
  if (typeof exp !== "number" || exp <= now - tolerance) return "exp is missing or past";
  if (exp > now + longestLife + tolerance) return "exp is more than an hour from now";
  if (nbf !== undefined && !(nbf <= now + tolerance)) return "nbf is not reached";
  return typeof jti === "string" ? undefined : "jti is missing";
}

function algorithmsOf({ kty }: JWK): string[] {
  return Object.entries(assertionAlgorithmsOf).flatMap(([kind, algorithms]) =>
    kind === kty ? algorithms : [],
  );
}
