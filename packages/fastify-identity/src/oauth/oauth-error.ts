/** The errors of our endpoints, by the RFC that has them: 6749, 6750, 7009, 8628, 8707, 9126, 9449, 9470. */
export type OAuthErrorName =
  | "invalid_request"
  | "invalid_client"
  | "invalid_grant"
  | "invalid_scope"
  | "invalid_target"
  | "unauthorized_client"
  | "unsupported_grant_type"
  | "unsupported_token_type"
  | "invalid_dpop_proof"
  | "use_dpop_nonce"
  | "invalid_token"
  | "insufficient_scope"
  | "authorization_pending"
  | "slow_down"
  | "access_denied"
  | "expired_token"
  | "temporarily_unavailable"
  | "server_error"
  | "unsupported_response_type";

/** An answer other than success, for a client: its text is ASCII without `"` and `\` (RFC 6749 section 5.2). */
export class OAuthError extends Error {
  override readonly name = "OAuthError";
  readonly error: OAuthErrorName;
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    error: OAuthErrorName,
    description: string,
    { status = 400, headers = {} }: { status?: number; headers?: Record<string, string> } = {},
  ) {
    super(description);
    this.error = error;
    this.statusCode = status;
    this.headers = headers;
  }
}

export const invalidRequest = (description: string): OAuthError =>
  new OAuthError("invalid_request", description);
