import { tokenPrefixes } from "@org/db-models/core";
import type { FastifyRequest } from "fastify";
import type { CredentialKind } from "../access.js";
import type { Service } from "../service.js";

/** A secret as a request carries it. */
export interface Credential {
  readonly kind: CredentialKind;
  readonly value: string;
  readonly by: "header" | "bearer" | "cookie";
}

const prefixes = [
  [`${tokenPrefixes.apiKey}_`, "api_key"],
  [`${tokenPrefixes.accessToken}_`, "access_token"],
] as const;
const ours = new RegExp(`^(${Object.values(tokenPrefixes).join("|")})_`);

function bearerOf({ headers }: FastifyRequest): string | undefined {
  return /^Bearer +(\S+)$/i.exec(headers.authorization ?? "")?.[1];
}

/** Whether a header of the request carries a token or key of this package's own kinds. */
export function carriesOwnToken(request: FastifyRequest): boolean {
  return request.headers["x-api-key"] !== undefined || ours.test(bearerOf(request) ?? "");
}

/** A signed JWT, as identity-aware proxies add it: no token of ours looks like that. */
const jwt = /^[\w-]+\.[\w-]+\.[\w-]*$/;

/**
 * The credential of a request: a header before the cookie, because only the client itself can have set it. An
 * `Authorization` header that is somebody else's (another scheme, a JWT), such as a proxy's, does not hide the cookie.
 */
export function credentialOf(service: Service, request: FastifyRequest): Credential | undefined {
  const key = request.headers["x-api-key"];
  if (key !== undefined) return { kind: "api_key", value: String(key), by: "header" };
  const bearer = bearerOf(request);
  const kind = prefixes.find(([prefix]) => bearer?.startsWith(prefix))?.[1];
  if (bearer !== undefined && kind) return { kind, value: bearer, by: "bearer" };
  const cookie = service.cookies.readSession(request.headers.cookie);
  const isForeign = bearer === undefined || jwt.test(bearer);
  if (cookie && isForeign) return { kind: "session", value: cookie, by: "cookie" };
  return bearer === undefined ? undefined : { kind: "session", value: bearer, by: "bearer" };
}
