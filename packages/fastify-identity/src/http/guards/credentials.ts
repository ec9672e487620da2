import { tokenPrefixes } from "@org/db-models/core";
import type { FastifyRequest } from "fastify";
import type { CredentialKind } from "../../access.js";
import type { Service } from "../../service.js";

/** A secret as a request carries it. */
export interface Credential {
  readonly kind: CredentialKind;
  readonly value: string;
  readonly by: "header" | "bearer" | "dpop" | "cookie";
}

/** The scheme of an access token. */
export const schemeOf = ({ by }: Credential): "DPoP" | "Bearer" => (by === "dpop" ? "DPoP" : "Bearer");

const kinds = [
  [`${tokenPrefixes.session}_`, "session"],
  [`${tokenPrefixes.apiKey}_`, "api_key"],
  [`${tokenPrefixes.accessToken}_`, "access_token"],
] as const;

function bearerOf({ headers }: FastifyRequest): string | undefined {
  return /^Bearer +(\S+)$/i.exec(headers.authorization ?? "")?.[1];
}

function keyOf({ headers }: FastifyRequest): string | undefined {
  const key = headers["x-api-key"];
  return key === undefined ? undefined : String(key);
}

const jwt = /^eyJ[\w-]+\.(eyJ[\w-]+)\.[\w-]+$/;

/** Whether a JWT says that it is the provider's; whether it is shows its signature. Others are a proxy's business. */
function isProviders({ settings }: Service, value: string): boolean {
  const payload = settings.oauth ? jwt.exec(value)?.[1] : undefined;
  if (payload === undefined || !settings.oauth) return false;
  try {
    const { iss } = JSON.parse(Buffer.from(payload, "base64url").toString()) as { iss?: unknown };
    return iss === (settings.oauth.issuer ?? settings.issuer);
  } catch {
    return false;
  }
}

/** A token of ours, as a bearer or with a proof of possession (RFC 9449 section 7.1). */
function ownBearer(service: Service, request: FastifyRequest): Credential | undefined {
  const bound = /^DPoP +(\S+)$/i.exec(request.headers.authorization ?? "")?.[1];
  if (bound !== undefined) return { kind: "access_token", value: bound, by: "dpop" };
  const bearer = bearerOf(request);
  if (bearer !== undefined && isProviders(service, bearer))
    return { kind: "access_token", value: bearer, by: "bearer" };
  const kind = kinds.find(([prefix]) => bearer?.startsWith(prefix))?.[1];
  return bearer !== undefined && kind ? { kind, value: bearer, by: "bearer" } : undefined;
}

/** Whether a header of the request carries a token or key of ours, which no browser and no gateway adds by itself. */
export function carriesOwnToken(service: Service, request: FastifyRequest): boolean {
  return keyOf(request)?.startsWith(`${tokenPrefixes.apiKey}_`) || ownBearer(service, request) !== undefined;
}

/**
 * The credential of a request: a header before the cookie, because only the client itself can have set it. `X-API-Key` is
 * this package's own header: what stands there is a key of ours, or refused. An `Authorization` header that is somebody
 * else's, such as a proxy's, does not hide the cookie; without a cookie it is taken for one of ours, and refused as such.
 */
export function credentialOf(service: Service, request: FastifyRequest): Credential | undefined {
  const key = keyOf(request);
  if (key !== undefined) return { kind: "api_key", value: key, by: "header" };
  const own = ownBearer(service, request);
  if (own) return own;
  const cookie = service.cookies.readSession(request.headers.cookie);
  if (cookie) return { kind: "session", value: cookie, by: "cookie" };
  const bearer = bearerOf(request);
  return bearer === undefined ? undefined : { kind: "session", value: bearer, by: "bearer" };
}
