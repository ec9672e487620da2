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

/** A credential of ours in a header. */
function ownCredential(request: FastifyRequest): Credential | undefined {
  const key = keyOf(request);
  if (key?.startsWith(`${tokenPrefixes.apiKey}_`)) return { kind: "api_key", value: key, by: "header" };
  const bearer = bearerOf(request);
  const kind = kinds.find(([prefix]) => bearer?.startsWith(prefix))?.[1];
  return bearer !== undefined && kind ? { kind, value: bearer, by: "bearer" } : undefined;
}

/** Whether a header of the request carries a credential of ours: then the cookie is not looked at. */
export function carriesOwnToken(request: FastifyRequest): boolean {
  return ownCredential(request) !== undefined;
}

/**
 * The credential of a request: one of ours in a header before the cookie, because only the client itself can have set it.
 * What somebody else's headers carry, such as the token or key of a proxy or gateway, does not hide the cookie; without a
 * cookie it is taken for one of ours, and refused as such.
 */
export function credentialOf(service: Service, request: FastifyRequest): Credential | undefined {
  const own = ownCredential(request);
  if (own) return own;
  const cookie = service.cookies.readSession(request.headers.cookie);
  if (cookie) return { kind: "session", value: cookie, by: "cookie" };
  const key = keyOf(request);
  if (key !== undefined) return { kind: "api_key", value: key, by: "header" };
  const bearer = bearerOf(request);
  return bearer === undefined ? undefined : { kind: "session", value: bearer, by: "bearer" };
}
