import { hash } from "node:crypto";
import { hmac } from "@org/db-models/core";
import type { FastifyReply, FastifyRequest } from "fastify";
import { calculateJwkThumbprint, EmbeddedJWK, type JWK, type JWTPayload, jwtVerify } from "jose";
import { OAuthError } from "../oauth-error.js";
import type { Provider } from "../provider.js";

export const proofAlgorithms = ["ES256", "EdDSA", "RS256", "PS256"];
/** How far the clock of a client may be from ours, seconds. */
const tolerance = 300;
const nonceMs = 300_000;
const privateMembers = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

interface Presented {
  /** Address of the endpoint, as metadata has it. */
  readonly url: string;
  /** The access token that the request carries. */
  readonly accessToken?: string;
}

/**
 * The thumbprint of the key whose possession a request proves (RFC 9449 section 4.3); `undefined` without a proof.
 *
 * @throws OAuthError `invalid_dpop_proof`, `use_dpop_nonce`.
 */
export async function proofOf(
  provider: Provider,
  request: FastifyRequest,
  reply: FastifyReply,
  presented: Presented,
): Promise<string | undefined> {
  const proof = headerOf(request);
  if (proof === undefined) return undefined;
  const { payload, jwk } = await verified(provider, proof);
  checkTarget(request, payload, presented);
  await checkNonce(provider, reply, payload);
  const thumbprint = await calculateJwkThumbprint(jwk);
  await useOnce(provider, thumbprint, payload, presented);
  return thumbprint;
}

/** Node joins repeated headers, and no JWT has a comma. */
function headerOf({ headers }: FastifyRequest): string | undefined {
  const { dpop } = headers;
  if (dpop === undefined) return undefined;
  const one = [dpop].flat();
  if (one.length !== 1 || one[0]?.includes(",") || (one[0]?.length ?? 0) > 8_192) {
    throw invalidProof("there must be one DPoP header");
  }
  return one[0];
}

const invalidProof = (description: string) => new OAuthError("invalid_dpop_proof", description);

async function verified({ service }: Provider, proof: string): Promise<{ payload: JWTPayload; jwk: JWK }> {
  let result: Awaited<ReturnType<typeof jwtVerify<unknown>>>;
  try {
    result = await jwtVerify(proof, EmbeddedJWK, {
      typ: "dpop+jwt",
      algorithms: proofAlgorithms,
      // `iat` is checked below; a proof may have been made for later.
      currentDate: service.clock.now(),
      clockTolerance: tolerance,
    });
  } catch {
    throw invalidProof("the proof is no signed JWT of the type dpop+jwt");
  }
  const { payload, protectedHeader } = result;
  const jwk = protectedHeader.jwk as JWK;
  if (privateMembers.some((member) => member in jwk)) throw invalidProof("the proof has a private key");
  const { jti, iat } = payload;
  if (typeof jti !== "string" || jti === "" || typeof iat !== "number") {
    throw invalidProof("the proof has no jti or iat");
  }
  if (Math.abs(service.clock.now().getTime() / 1_000 - iat) > tolerance) throw invalidProof("iat is not now");
  return { payload, jwk };
}

function checkTarget(request: FastifyRequest, payload: JWTPayload, { url, accessToken }: Presented): void {
  if (payload.htm !== request.method) throw invalidProof("htm is another method");
  if (normalised(payload.htu) !== normalised(url)) throw invalidProof("htu is another address");
  if (accessToken === undefined) return;
  if (payload.ath !== hash("sha256", accessToken, "base64url")) throw invalidProof("ath is of another token");
}

/** Query and fragment don't count; spellings of one address are one (RFC 9449 section 4.3, RFC 3986 section 6.2). */
function normalised(address: unknown): string | undefined {
  if (typeof address !== "string" || !URL.canParse(address)) return undefined;
  const { origin, pathname } = new URL(address);
  return `${origin}${pathname.replace(/%[0-9a-f]{2}/gi, plainly)}`;
}

/** An octet as it is written without need for an escape; others in capitals. */
function plainly(escaped: string): string {
  const character = String.fromCharCode(Number.parseInt(escaped.slice(1), 16));
  return /[\w.~-]/.test(character) ? character : escaped.toUpperCase();
}

async function useOnce(
  { service }: Provider,
  thumbprint: string,
  { jti, iat = 0 }: JWTPayload,
  { url }: Presented,
): Promise<void> {
  const first = await service.identity.oauth.useAssertion({
    holder: `dpop ${thumbprint} ${normalised(url)}`,
    jti: String(jti),
    expiresAt: new Date((iat + tolerance) * 1_000),
  });
  if (!first) throw invalidProof("the proof was used before");
}

/** A nonce is of a stretch of time: nothing is stored, and every instance knows it. */
async function nonceAt({ keys }: Provider, stretch: number): Promise<string> {
  return hmac(await keys.secretFor("dpop nonce"), String(stretch)).slice(0, 22);
}

async function checkNonce(provider: Provider, reply: FastifyReply, payload: JWTPayload): Promise<void> {
  if (!provider.settings.dpopNonces) return;
  const stretch = Math.floor(provider.service.clock.now().getTime() / nonceMs);
  const [current, former] = await Promise.all([nonceAt(provider, stretch), nonceAt(provider, stretch - 1)]);
  if (payload.nonce === current) return;
  reply.header("dpop-nonce", current);
  if (payload.nonce !== former) throw new OAuthError("use_dpop_nonce", "the proof needs a nonce of ours");
}
