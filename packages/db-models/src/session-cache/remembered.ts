import type { Types } from "mongoose";
import type { ApiKeyDocument, ApiKeySecret } from "../schemas/api-key.js";
import type { AppDocument } from "../schemas/app.js";
import type { AppPermissionDocument } from "../schemas/app-permission.js";
import type { AppTokenDocument, IssuedAccessToken } from "../schemas/app-token.js";
import type { AuthorizationFacts } from "../schemas/parts/authorization-facts.js";
import type { UserDocument } from "../schemas/user.js";
import type { UserSessionDocument } from "../schemas/user-session.js";
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

/** What memory keeps of an API key; of one with a quota or a rate limit only while somebody waits for its read. */
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

/** An API key as a read found it. */
export interface ReadApiKey {
  readonly key: RememberedApiKey;
  /** The one of its secrets that was presented. */
  readonly secret: ApiKeySecret;
  /** When the read began, by the count of the leases. */
  readonly readAt: number;
}

/** What a token of an authorization is decided on: the authorization, and all that it rests on; empty lists for what is gone. */
export interface GrantState
  extends Pick<
      AppTokenDocument,
      "_id" | "ownerId" | "appId" | "permissionId" | "permissionGeneration" | "revokedAt" | "expiresAt"
    >,
    AuthorizationFacts {
  /** Absent where the app acts for itself. */
  userId?: Types.ObjectId;
  app: Array<Pick<AppDocument, "status" | "clientId">>;
  user: Array<Pick<UserDocument, "status">>;
  session: Array<
    Pick<
      UserSessionDocument,
      "revokedAt" | "idleExpiresAt" | "createdAt" | "absoluteLifetimeMs" | "impersonation"
    >
  >;
  permission: Array<Pick<AppPermissionDocument, "generation" | "revokedAt" | "lastUsedAt">>;
}

/** What memory keeps of an access token. */
export interface RememberedAccessToken {
  readonly grant: GrantState;
  readonly issued: IssuedAccessToken;
}
