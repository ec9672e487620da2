import { tokenPrefixes } from "@org/db-models/core";
import type { FastifyRequest } from "fastify";
import { ApiError } from "../flows/problems.js";

/** A token as a request carries it. */
export interface PresentedToken {
  readonly value: string;
  readonly by: "bearer" | "cookie";
}

const ours = new RegExp(`^(${Object.values(tokenPrefixes).join("|")})_`);

function bearerOf({ headers }: FastifyRequest): string | undefined {
  return /^Bearer +(\S+)$/i.exec(headers.authorization ?? "")?.[1];
}

/** Whether a header of the request carries a token or key of this service's own kinds. */
export function carriesOwnToken(request: FastifyRequest): boolean {
  return request.headers["x-api-key"] !== undefined || ours.test(bearerOf(request) ?? "");
}

/** The API key that a request carries, in a header of its own or as a bearer token. */
export function presentedApiKey(request: FastifyRequest): string | undefined {
  const key = request.headers["x-api-key"];
  if (key !== undefined) return String(key);
  const bearer = bearerOf(request);
  return bearer?.startsWith(`${tokenPrefixes.apiKey}_`) ? bearer : undefined;
}

/** A signed JWT, as identity-aware proxies add it: no token of this service looks like that. */
const jwt = /^[\w-]+\.[\w-]+\.[\w-]*$/;

/**
 * The token that a request carries: a bearer token before a cookie, because only the client itself can have put it there.
 * An `Authorization` header that is somebody else's (another scheme, a JWT), such as a proxy's, does not hide the cookie.
 *
 * @throws ApiError `SESSION_REQUIRED`
 */
export function presentedToken(request: FastifyRequest): PresentedToken {
  const bearer = bearerOf(request);
  const cookie = request.sessionCookie();
  const isForeign = bearer === undefined || jwt.test(bearer);
  if (cookie && isForeign) return { value: cookie, by: "cookie" };
  if (bearer) return { value: bearer, by: "bearer" };
  throw new ApiError("SESSION_REQUIRED");
}
