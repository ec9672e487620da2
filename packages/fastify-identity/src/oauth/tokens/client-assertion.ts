import type { AuthenticatedClient } from "@org/db-models";
import { assertionAlgorithmsOf } from "@org/db-models/schemas";
import {
  decodeJwt,
  decodeProtectedHeader,
  errors,
  importJWK,
  type JWK,
  type JWTPayload,
  jwtVerify,
} from "jose";
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
    const read = await claimsBy(jwk, assertion, { issuer, clientId, now: clock.now() });
    if (!read) continue;
    if (!("payload" in read)) return { ok: false, why: read.why };
    const { exp = 0, jti, aud } = read.payload;
    if ([aud].flat().length !== 1) return { ok: false, why: faults.aud };
    if (typeof jti !== "string") return { ok: false, why: faults.jti };
    if (exp > seconds(clock.now()) + longestLife + tolerance)
      return { ok: false, why: "exp is more than an hour from now" };
    const expiresAt = new Date((exp + tolerance) * 1_000);
    const first = await identity.oauth.useAssertion({ holder: `client ${clientId}`, jti, expiresAt });
    return first ? { ok: true, client: known.client } : { ok: false, why: "jti was used before" };
  }
  return { ok: false };
}

const ofClient = "iss and sub have to be the client_id";

/** What is wrong with a claim (RFC 7523 section 3). */
const faults = {
  iss: ofClient,
  sub: ofClient,
  aud: "aud has to be the issuer alone",
  exp: "exp is missing or past",
  nbf: "nbf is not reached",
  jti: "jti is missing",
} as const;

/** What an assertion says, or why that does not do, if this key has signed it. */
async function claimsBy(
  jwk: JWK,
  assertion: string,
  { issuer, clientId, now }: { issuer: string; clientId: string; now: Date },
): Promise<{ readonly payload: JWTPayload } | { readonly why: string } | undefined> {
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
    return { payload };
  } catch (error) {
    // Claims are looked at once the signature is right.
    if (!(error instanceof errors.JWTClaimValidationFailed || error instanceof errors.JWTExpired))
      return undefined;
    const why: Readonly<Record<string, string>> = faults;
    return { why: why[error.claim] ?? `${error.claim} is not valid` };
  }
}

function algorithmsOf({ kty }: JWK): string[] {
  return Object.entries(assertionAlgorithmsOf).flatMap(([kind, algorithms]) =>
    kind === kty ? algorithms : [],
  );
}
