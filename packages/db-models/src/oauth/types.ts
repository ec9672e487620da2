import type { Types } from "mongoose";
import type { AppDocument } from "../schemas/app.js";

/** The errors of a token endpoint (RFC 6749 section 5.2). */
export type OAuthErrorCode =
  | "invalid_request"
  | "invalid_client"
  | "invalid_grant"
  | "invalid_scope"
  | "unauthorized_client";

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
  userId: Types.ObjectId;
  /** Here and never again, except to a retry within the grace interval. */
  accessToken: string;
  accessTokenExpiresAt: Date;
  /** Absent when the app may not refresh. */
  refreshToken?: string;
  /** Those of the access token. */
  scopes: string[];
  /** True when this call was a retry of a rotation that had already happened. */
  retried: boolean;
}

export type TokenResult = TokensGranted | GrantRefused;

/** An app that has shown who it is; only `oauth.authenticateClient` makes one. */
export type AuthenticatedClient = Pick<
  AppDocument,
  "_id" | "clientId" | "type" | "name" | "redirectUris" | "grantTypes" | "scopes"
>;
