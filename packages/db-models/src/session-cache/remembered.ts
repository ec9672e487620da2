import type { ApiKeyDocument } from "../schemas/api-key.js";
import type { Session } from "../stored/session.js";

/** What memory keeps of a session for one of its tokens: facts, no verdict, no token and no address. */
export interface RememberedSession
  extends Pick<
    Session,
    | "_id"
    | "userId"
    | "roles"
    | "scopes"
    | "risk"
    | "authenticatedAt"
    | "proofs"
    | "createdAt"
    | "lastSeenAt"
    | "idleTimeoutMs"
    | "idleExpiresAt"
    | "absoluteExpiresAt"
    | "slot"
  > {
  /** When the token was replaced, for one in its grace. */
  readonly replacedAt?: Date;
}

/** What memory keeps of an API key that has neither a quota nor a rate limit. */
export type RememberedApiKey = Pick<
  ApiKeyDocument,
  | "_id"
  | "userId"
  | "secrets"
  | "scopes"
  | "ipAllowlist"
  | "rateLimit"
  | "quota"
  | "leases"
  | "ownerActive"
  | "expiresAt"
  | "schemaVersion"
>;
