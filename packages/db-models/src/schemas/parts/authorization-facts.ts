import { Schema, type Types } from "mongoose";
import { limits } from "../../core/limits.js";
import { hashText, list, requiredText } from "./fields.js";

/** Facts that tokens tell of an authorization, however it came about. */
export interface AuthorizationFacts {
  /** `nonce` of the request (OpenID Connect Core section 3.1.2.1). */
  nonce?: string;
  /** When the user had proved who they are. */
  authenticatedAt?: Date;
  /** Level that the user's proofs reached. */
  acr?: number;
  /** The user's proofs in RFC 8176's values. */
  amr?: string[];
  /** The session that the user authorized in: `sid` of the tokens. */
  sessionId?: Types.ObjectId;
  /** The session that it ends with; absent where the user agreed to access while they are away (`offline_access`). */
  boundSessionId?: Types.ObjectId;
  /** The administrator who acted for the user in that session: `act` of the tokens (RFC 8693 section 4.1). */
  actor?: Types.ObjectId;
  /** Resource servers that the access tokens are for (RFC 8707). */
  audiences?: string[];
  /** Thumbprint of the key that every request with the tokens proves possession of (RFC 9449). */
  dpopKey?: string;
  /** The `claims` parameter (OpenID Connect Core section 5.5), JSON. */
  claims?: string;
}

/** The fields of {@link AuthorizationFacts}. */
export const authorizationFacts = {
  nonce: { type: String, maxlength: limits.nonce },
  authenticatedAt: Date,
  acr: { type: Number, min: 0, max: 2 },
  amr: { ...list(requiredText(16), 8), default: undefined },
  sessionId: Schema.Types.ObjectId,
  boundSessionId: Schema.Types.ObjectId,
  actor: Schema.Types.ObjectId,
  audiences: { ...list(requiredText(limits.uri), limits.resources), default: undefined },
  dpopKey: hashText,
  claims: { type: String, maxlength: limits.claims },
} as const;
