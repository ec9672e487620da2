import { Types } from "mongoose";
import type { Context } from "../context/context.js";
import { isIdentityError } from "../core/errors.js";
import type { OAuthPolicy } from "../core/policies/oauth.js";
import { grantsEveryScope, grantsScope, parseScopes } from "../core/scopes.js";
import { mintToken, randomKey, sha256 } from "../core/secrets.js";
import { queries } from "../queries/queries.js";
import { findByQuery } from "../queries/run-query.js";
import { findAndUpdate } from "../queries/update.js";
import type { AppDocument } from "../schemas/app.js";
import type { AppPermissionDocument } from "../schemas/app-permission.js";
import type { AppTokenDocument } from "../schemas/app-token.js";
import type { IdentityModels } from "../schemas/models.js";
import { assertKnownVersion, currentSchemaVersion } from "../schemas/parts/version.js";
import { expiryFrom } from "./expiry.js";
import { isCodeChallenge } from "./pkce.js";
import { isRegisteredUri } from "./redirect-uris.js";

/** The parameters of an authorization request (RFC 6749 section 4.1.1, RFC 7636 section 4.3), as they came. */
export interface AuthorizationRequest {
  responseType?: string | undefined;
  clientId: string;
  redirectUri: string;
  scope?: string | undefined;
  codeChallenge?: string | undefined;
  codeChallengeMethod?: string | undefined;
}

/** The errors that a client hears by redirection (RFC 6749 section 4.1.2.1). */
export type AuthorizationError =
  | "invalid_request"
  | "unauthorized_client"
  | "unsupported_response_type"
  | "invalid_scope";

/** Content of a consent screen. */
export interface RequestingApp {
  id: Types.ObjectId;
  clientId: string;
  name: string;
  description?: string;
  homepage?: string;
}

export type Authorization =
  /** Send the browser to the redirect URI with this code. */
  | { ok: true; code: string; expiresAt: Date; scopes: string[] }
  /** Ask the user; when they agree, call `oauth.grantConsent` with `missing` and this again. */
  | { ok: false; reason: "consent_needed"; app: RequestingApp; scopes: string[]; missing: string[] }
  /** Send the browser to the redirect URI with `reason` as the `error`. */
  | { ok: false; reason: AuthorizationError; redirect: true; description: string }
  /** Tell the user, and never redirect: nobody has shown that the redirect URI is the app's. */
  | { ok: false; reason: "unknown_client" | "redirect_uri_mismatch"; redirect: false };

export async function issueAuthorizationCode(
  context: Context,
  input: AuthorizationRequest & { userId: Types.ObjectId },
): Promise<Authorization> {
  const { models } = context;
  const rules = context.policies.oauth;
  const app = await findActiveApp(models, input.clientId);
  if (!app) return { ok: false, reason: "unknown_client", redirect: false };
  if (!isRegisteredUri(app.redirectUris, input.redirectUri)) {
    return { ok: false, reason: "redirect_uri_mismatch", redirect: false };
  }
  const scopes = scopesOf(input.scope);
  const problem = problemOf(input, app, scopes, rules);
  if (problem) return { ok: false, redirect: true, ...problem };
  const consent = await useConsent(context, input.userId, app._id);
  const missing = scopes.filter((scope) => !grantsScope(consent?.scopes ?? [], scope));
  if (!consent || missing.length > 0) {
    return { ok: false, reason: "consent_needed", app: describeApp(app), scopes, missing };
  }
  return storeCode(context, { ...input, appId: app._id, scopes, consent });
}

async function findActiveApp(models: IdentityModels, clientId: unknown): Promise<AppDocument | undefined> {
  if (typeof clientId !== "string") return undefined;
  const app = await findByQuery(models, queries.appByClientId(clientId), { clientSecrets: 0 });
  if (app) assertKnownVersion(app);
  return app?.status === "active" ? app : undefined;
}

function scopesOf(scope: unknown): string[] {
  try {
    return typeof scope === "string" ? parseScopes(scope) : [];
  } catch (error) {
    if (isIdentityError(error, "INVALID_SCOPE")) return [];
    throw error;
  }
}

function problemOf(
  request: AuthorizationRequest,
  app: AppDocument,
  scopes: string[],
  policy: OAuthPolicy,
): { reason: AuthorizationError; description: string } | undefined {
  if (request.responseType !== "code") {
    return { reason: "unsupported_response_type", description: "response_type must be code" };
  }
  if (!app.grantTypes.includes("authorization_code")) {
    return { reason: "unauthorized_client", description: "the app may not ask for codes" };
  }
  const challenge = challengeProblem(request, app, policy);
  if (challenge) return { reason: "invalid_request", description: challenge };
  if (scopes.length === 0 || !grantsEveryScope(app.scopes, scopes)) {
    return { reason: "invalid_scope", description: "the scope is missing, malformed or not the app's" };
  }
  return undefined;
}

// An absent method means `plain` (RFC 7636 section 4.3), so it is refused like it.
function challengeProblem(request: AuthorizationRequest, app: AppDocument, policy: OAuthPolicy) {
  const { codeChallenge, codeChallengeMethod } = request;
  if (codeChallenge === undefined && codeChallengeMethod === undefined) {
    const needed = policy.pkce === "always" || app.type === "public";
    return needed ? "code_challenge is missing" : undefined;
  }
  if (codeChallengeMethod !== "S256") return "code_challenge_method must be S256";
  return isCodeChallenge(codeChallenge) ? undefined : "code_challenge must be 43 characters of base64url";
}

type UsedConsent = Pick<AppPermissionDocument, "_id" | "scopes" | "generation">;

async function useConsent(context: Context, userId: Types.ObjectId, appId: Types.ObjectId) {
  const { models, now } = context;
  return findAndUpdate(
    models.AppPermission,
    { userId, appId, revokedAt: null },
    { $max: { lastUsedAt: now } },
    { projection: { scopes: 1, generation: 1 } },
  );
}

function describeApp({ _id: id, clientId, name, description, homepage }: AppDocument): RequestingApp {
  return { id, clientId, name, ...(description && { description }), ...(homepage && { homepage }) };
}

async function storeCode(
  context: Context,
  request: AuthorizationRequest & {
    userId: Types.ObjectId;
    appId: Types.ObjectId;
    scopes: string[];
    consent: UsedConsent;
  },
): Promise<Authorization> {
  const { models, now } = context;
  const policy = context.policies.oauth;
  const { userId, appId, scopes, consent, codeChallenge, redirectUri } = request;
  const code = mintToken("authorizationCode");
  const absoluteExpiresAt = new Date(now.getTime() + policy.refreshLifetimeMs);
  const stored: AppTokenDocument = {
    _id: new Types.ObjectId(),
    handleHash: sha256(code.handle),
    appId,
    userId,
    permissionId: consent._id,
    permissionGeneration: consent.generation,
    scopes,
    codeHash: sha256(code.raw),
    ...(codeChallenge !== undefined && { codeChallenge }),
    redirectUri,
    markKey: randomKey(),
    generation: 0,
    rotations: [],
    accessTokens: [],
    createdAt: now,
    absoluteExpiresAt,
    ...expiryFrom(context, policy.codeLifetimeMs, absoluteExpiresAt),
    schemaVersion: currentSchemaVersion,
  };
  await models.AppToken.collection.insertOne({ ...stored });
  return { ok: true, code: code.raw, expiresAt: stored.expiresAt, scopes };
}
