import type { Types } from "mongoose";
import type { AppDocument } from "../schemas/app.js";
import type { AuthorizationFacts } from "../schemas/parts/authorization-facts.js";

/** The errors of a token endpoint (RFC 6749 section 5.2). */
export type OAuthErrorCode =
  | "invalid_request"
  | "invalid_client"
  | "invalid_grant"
  | "invalid_scope"
  | "unauthorized_client"
  | "invalid_target";

/** What a device hears while it has no tokens (RFC 8628 section 3.5). */
export type DeviceError = "authorization_pending" | "slow_down" | "access_denied" | "expired_token";

/** Why a code or a token is refused; for the service's own log, since `invalid_grant` is all that a client hears. */
export type GrantRefusal =
  | "malformed"
  | "unknown"
  | "other_client"
  | "redirect_uri_mismatch"
  | "verifier_mismatch"
  | "expired"
  | "revoked"
  | "superseded"
  | "app_not_active"
  | "user_not_active"
  | "consent_revoked"
  | "scope_not_granted"
  | "grant_type_not_allowed"
  | "session_ended"
  | "key_mismatch"
  | "audience_not_granted"
  | "code_reused"
  | "refresh_reused";

export interface GrantRefused {
  ok: false;
  error: OAuthErrorCode;
  reason: GrantRefusal;
}

/** Result of a token request (RFC 6749 section 5.1). */
export interface TokensGranted {
  ok: true;
  authorizationId: Types.ObjectId;
  /** Absent where the app acts for itself. */
  userId?: Types.ObjectId;
  /** Here and never again, except to a retry within the grace interval. */
  accessToken: string;
  /** Names the access token without being it: `jti` of a JWT that stands for it. */
  accessTokenId: string;
  accessTokenCreatedAt: Date;
  accessTokenExpiresAt: Date;
  /** Absent when the app may not refresh. */
  refreshToken?: string;
  /** Those of the access token. */
  scopes: string[];
  /** Resource servers that the access token is for; absent where none was named. */
  audiences?: string[];
  /** Thumbprint of the key that the access token is bound to. */
  dpopKey?: string;
  /** Facts of the authorization, for id_tokens. */
  facts: AuthorizationFacts;
  /** True when this call was a retry of a rotation that had already happened. */
  retried: boolean;
}

export type TokenResult = TokensGranted | GrantRefused;

/** What a service may know of an app that asks for something. */
export const clientFields = [
  "_id",
  "clientId",
  "type",
  "name",
  "redirectUris",
  "grantTypes",
  "scopes",
  "clientAuthentication",
  "accessTokenFormat",
  "idTokenAlgorithm",
  "resources",
  "serves",
  "origins",
  "postLogoutRedirectUris",
  "backChannelLogoutUri",
  "requiresPkce",
  "requiresPushedRequests",
  "requiresDpop",
] as const satisfies ReadonlyArray<keyof AppDocument>;

/** An app that has shown who it is; `oauth.authenticateClient` makes one. */
export type AuthenticatedClient = Pick<AppDocument, (typeof clientFields)[number]>;
