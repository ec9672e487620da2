import type { Types } from "mongoose";
import type { Context } from "../context/context.js";
import { isRegisteredUri } from "../core/redirect-uris.js";
import { grantsScope } from "../core/scopes.js";
import { sha256 } from "../core/secrets.js";
import { queries } from "../queries/queries.js";
import { findByQuery } from "../queries/run-query.js";
import { findAndUpdate } from "../queries/update.js";
import type { AppDocument } from "../schemas/app.js";
import type { AppPermissionDocument } from "../schemas/app-permission.js";
import type { IdentityModels } from "../schemas/models.js";
import type { AuthorizationFacts } from "../schemas/parts/authorization-facts.js";
import { assertKnownVersion } from "../schemas/parts/version.js";
import { clientOf } from "./clients.js";
import { grantableScopes } from "./grantable-scopes.js";
import { newGrant } from "./issue.js";
import { isCodeChallenge } from "./pkce.js";
import type { AuthenticatedClient } from "./types.js";

/** The parameters of an authorization request (RFC 6749 section 4.1.1, RFC 7636 section 4.3), as they came. */
export interface AuthorizationRequest {
  responseType?: string | undefined;
  clientId: string;
  /** May be absent where the app has one and the request is none of OpenID Connect (OAuth 2.1 section 4.1.1). */
  redirectUri?: string | undefined;
  scope?: string | undefined;
  codeChallenge?: string | undefined;
  codeChallengeMethod?: string | undefined;
  /** Resource servers that the tokens are to be for (RFC 8707). */
  resources?: readonly string[] | undefined;
}

/** The errors that a client hears by redirection (RFC 6749 section 4.1.2.1, RFC 8707 section 2). */
export type AuthorizationError =
  | "invalid_request"
  | "unauthorized_client"
  | "unsupported_response_type"
  | "invalid_scope"
  | "invalid_target";

/** Content of a consent screen. */
export interface RequestingApp {
  id: Types.ObjectId;
  clientId: string;
  /** Who registered it. */
  ownerId: Types.ObjectId;
  name: string;
  description?: string;
  homepage?: string;
}

type RequestRefused =
  /** Send the browser to the redirect URI with `reason` as the `error`. */
  | { ok: false; reason: AuthorizationError; redirect: true; description: string }
  /** Tell the user, and never redirect: nobody has shown that the redirect URI is the app's. */
  | { ok: false; reason: "unknown_client" | "redirect_uri_mismatch"; redirect: false };

/** What a request asks for, before anybody is asked. */
export interface CheckedRequest {
  ok: true;
  app: RequestingApp;
  /** What the app is registered with; it has not shown who it is. */
  client: AuthenticatedClient;
  redirectUri: string;
  scopes: string[];
  audiences?: string[];
}

export type RequestCheck =
  | CheckedRequest
  | (RequestRefused & { redirectUri?: string; client?: AuthenticatedClient });

export type Authorization =
  /** Send the browser to the redirect URI with this code. */
  | { ok: true; code: string; expiresAt: Date; scopes: string[] }
  /** Ask the user; when they agree, call `oauth.grantConsent` with `missing` and this again. */
  | { ok: false; reason: "consent_needed"; app: RequestingApp; scopes: string[]; missing: string[] }
  | RequestRefused;

export async function checkAuthorizationRequest(
  context: Context,
  request: AuthorizationRequest,
): Promise<RequestCheck> {
  const { models } = context;
  const app = await findActiveApp(models, request.clientId);
  if (!app) return { ok: false, reason: "unknown_client", redirect: false };
  const scopes = grantableScopes(app, request.scope);
  const redirectUri = redirectUriOf(app, request.redirectUri, scopes);
  if (redirectUri === undefined) return { ok: false, reason: "redirect_uri_mismatch", redirect: false };
  const client = clientOf(app);
  const problem = problemOf(request, app, scopes);
  if (problem) return { ok: false, redirect: true, ...problem, redirectUri, client };
  const { resources = [] } = request;
  const audiences = resources.length > 0 ? { audiences: [...new Set(resources)].sort() } : {};
  return { ok: true, app: describeApp(app), client, redirectUri, scopes, ...audiences };
}

export async function issueAuthorizationCode(
  context: Context,
  input: AuthorizationRequest & { userId: Types.ObjectId; facts?: AuthorizationFacts; endsBy?: Date },
): Promise<Authorization> {
  const { models } = context;
  const check = await checkAuthorizationRequest(context, input);
  if (!check.ok) {
    const { client: _client, redirectUri: _uri, ...refusal } = check;
    return refusal;
  }
  const { app, redirectUri, audiences } = check;
  const { facts, userId, endsBy } = input;
  // Who acts for a user has no access while the user is away (OpenID Connect Core section 11).
  const scopes = facts?.actor ? check.scopes.filter((scope) => scope !== "offline_access") : check.scopes;
  if (scopes.length === 0) {
    const description = "nobody who acts for the user has access while they are away";
    return { ok: false, reason: "invalid_scope", redirect: true, description };
  }
  const consent = facts?.actor
    ? await liveConsent(context, userId, app.id)
    : await useConsent(context, userId, app.id);
  const missing = scopes.filter((scope) => !grantsScope(consent?.scopes ?? [], scope));
  if (!consent || missing.length > 0) {
    return { ok: false, reason: "consent_needed", app, scopes, missing };
  }
  const { code, document } = newGrant(context, {
    ...facts,
    ...(audiences && { audiences }),
    appId: app.id,
    userId,
    endsBy,
    permissionId: consent._id,
    permissionGeneration: consent.generation,
    scopes,
  });
  const { codeChallenge } = input;
  await models.AppToken.collection.insertOne({
    ...document,
    codeHash: sha256(code.raw),
    ...(codeChallenge !== undefined && { codeChallenge }),
    redirectUri,
  });
  return { ok: true, code: code.raw, expiresAt: document.expiresAt, scopes };
}

async function findActiveApp(models: IdentityModels, clientId: unknown): Promise<AppDocument | undefined> {
  if (typeof clientId !== "string") return undefined;
  const app = await findByQuery(models, queries.appByClientId(clientId), { clientSecrets: 0 });
  if (app) assertKnownVersion(app);
  return app?.status === "active" ? app : undefined;
}

/** Where the answer goes; `undefined` when nobody has shown where that is. */
function redirectUriOf(app: AppDocument, requested: unknown, scopes: readonly string[]): string | undefined {
  if (typeof requested === "string") {
    return isRegisteredUri(app.redirectUris, requested) ? requested : undefined;
  }
  // OpenID Connect Core section 3.1.2.1 requires it.
  if (requested !== undefined || scopes.includes("openid")) return undefined;
  return app.redirectUris.length === 1 ? app.redirectUris[0] : undefined;
}

function problemOf(
  request: AuthorizationRequest,
  app: AppDocument,
  scopes: string[],
): { reason: AuthorizationError; description: string } | undefined {
  if (request.responseType === undefined) {
    return { reason: "invalid_request", description: "response_type is missing" };
  }
  if (request.responseType !== "code") {
    return { reason: "unsupported_response_type", description: "response_type must be code" };
  }
  if (!app.grantTypes.includes("authorization_code")) {
    return { reason: "unauthorized_client", description: "the app may not ask for codes" };
  }
  const challenge = challengeProblem(request, app);
  if (challenge) return { reason: "invalid_request", description: challenge };
  if (scopes.length === 0) {
    return { reason: "invalid_scope", description: "the scope is missing, malformed or not the app's" };
  }
  const { resources = [] } = request;
  if (!resources.every((resource) => app.resources?.includes(resource))) {
    return { reason: "invalid_target", description: "the app is not registered for this resource" };
  }
  return undefined;
}

// An absent method means `plain` (RFC 7636 section 4.3), so it is refused like it.
function challengeProblem(request: AuthorizationRequest, app: AppDocument) {
  const { codeChallenge, codeChallengeMethod } = request;
  if (codeChallenge === undefined && codeChallengeMethod === undefined) {
    const isOptional = app.requiresPkce === false && app.type === "confidential";
    return isOptional ? undefined : "code_challenge is missing";
  }
  if (codeChallengeMethod !== "S256") return "code_challenge_method must be S256";
  return isCodeChallenge(codeChallenge) ? undefined : "code_challenge must be 43 characters of base64url";
}

type UsedConsent = Pick<AppPermissionDocument, "_id" | "scopes" | "generation">;

export async function useConsent(
  context: Context,
  userId: Types.ObjectId,
  appId: Types.ObjectId,
): Promise<UsedConsent | undefined> {
  const { models, now } = context;
  return findAndUpdate(
    models.AppPermission,
    { userId, appId, revokedAt: null },
    { $max: { lastUsedAt: now } },
    { projection: { scopes: 1, generation: 1 } },
  );
}

/** {@link useConsent} of who acts for a user: the user has not used it. */
async function liveConsent(
  { models }: Context,
  userId: Types.ObjectId,
  appId: Types.ObjectId,
): Promise<UsedConsent | undefined> {
  const consent = await findByQuery(models, queries.permissionOfUserForApp(userId, appId));
  return consent && !consent.revokedAt ? consent : undefined;
}

export function describeApp(app: AppDocument): RequestingApp {
  const { _id: id, clientId, ownerId, name, description, homepage } = app;
  return { id, clientId, ownerId, name, ...(description && { description }), ...(homepage && { homepage }) };
}
