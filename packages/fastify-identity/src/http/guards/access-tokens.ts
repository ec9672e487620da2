import type { ActiveAccessToken } from "@org/db-models";
import type { FastifyReply, FastifyRequest } from "fastify";

/** What a guard knows of an access token. One that is a JWT was read and not looked up. */
export type PresentedAccessToken = Pick<
  ActiveAccessToken,
  "id" | "userId" | "clientId" | "scopes" | "audiences" | "dpopKey" | "facts" | "createdAt" | "expiresAt"
>;

/** How a request presents an access token (RFC 6750 section 2.1, RFC 9449 section 7.1). */
export type TokenScheme = "Bearer" | "DPoP";

/** Why an access token was refused, and the scheme that it is for. */
export interface AccessTokenRefusal {
  readonly ok: false;
  readonly reason: string;
  readonly scheme: TokenScheme;
}

export type AccessTokenDecision =
  | { readonly ok: true; readonly token: PresentedAccessToken }
  | AccessTokenRefusal;

/** Checks the access tokens of guarded routes; the provider has one. */
export type AccessTokenCheck = (
  request: FastifyRequest,
  reply: FastifyReply,
  presented: { readonly scheme: TokenScheme; readonly value: string },
) => Promise<AccessTokenDecision>;
