import { Types } from "mongoose";
import type { Context } from "../context/context.js";
import { IdentityError } from "../core/errors.js";
import { duration, limits } from "../core/limits.js";
import { equalHashes, mintToken, parseToken, sha256 } from "../core/secrets.js";
import { queries } from "../queries/queries.js";
import { findByQuery } from "../queries/run-query.js";
import { findAndUpdate } from "../queries/update.js";
import type { AuthorizationRequestDocument, RequestOriginKind } from "../schemas/authorization-request.js";
import { assertKnownVersion, currentSchemaVersion } from "../schemas/parts/version.js";

/** The parameters of an authorization request, each with its values. */
export type RequestParameters = Readonly<Record<string, string | string[]>>;

export interface RequestInput {
  appId: Types.ObjectId;
  /** Who brought it: the client itself, authenticated (RFC 9126), or a browser. */
  origin: RequestOriginKind;
  parameters: RequestParameters;
}

/** An authorization request that waits for its answer. */
export interface StoredRequest {
  appId: Types.ObjectId;
  origin: RequestOriginKind;
  parameters: RequestParameters;
  /** SHA-256 of the key of the browser that it goes on in; absent before one took it up. */
  browserHash?: Buffer;
  /** When that browser took it up. */
  takenUpAt?: Date;
  /** When the browser's user had proved who they are when it was taken up; absent if nobody was signed in. */
  seenAuthenticatedAt?: Date;
  /** True once it was answered. */
  used: boolean;
  expiresAt: Date;
}

export async function storeAuthorizationRequest(
  context: Context,
  { appId, origin, parameters }: RequestInput,
): Promise<{ token: string; expiresAt: Date }> {
  const { models, now, policies } = context;
  const { requestLifetimeMs, pushedRequestLifetimeMs } = policies.oauth;
  const text = JSON.stringify(parameters);
  if (text.length > limits.requestParameters) {
    throw new IdentityError("INVALID_INPUT", `parameters: at most ${limits.requestParameters} characters`);
  }
  const { raw: token } = mintToken("authorizationRequest");
  const lifetimeMs = origin === "pushed" ? pushedRequestLifetimeMs : requestLifetimeMs;
  const expiresAt = new Date(now.getTime() + lifetimeMs);
  const request: AuthorizationRequestDocument = {
    _id: new Types.ObjectId(),
    tokenHash: sha256(token),
    appId,
    origin,
    parameters: text,
    createdAt: now,
    expiresAt,
    purgeAt: new Date(expiresAt.getTime() + duration.hour),
    schemaVersion: currentSchemaVersion,
  };
  await models.AuthorizationRequest.collection.insertOne({ ...request });
  return { token, expiresAt };
}

export async function readAuthorizationRequest(
  { models, now }: Context,
  presented: unknown,
): Promise<StoredRequest | undefined> {
  const token = parseToken("authorizationRequest", presented);
  if (!token) return undefined;
  const request = await findByQuery(models, queries.authorizationRequestByToken(sha256(token.raw)));
  if (!request || request.expiresAt <= now) return undefined;
  assertKnownVersion(request);
  return readRequest(request);
}

function readRequest(request: AuthorizationRequestDocument): StoredRequest {
  const { appId, origin, parameters, browserHash, takenUpAt, seenAuthenticatedAt, usedAt, expiresAt } =
    request;
  return {
    appId,
    origin,
    parameters: JSON.parse(parameters) as RequestParameters,
    ...(browserHash && { browserHash }),
    ...(takenUpAt && { takenUpAt }),
    ...(seenAuthenticatedAt && { seenAuthenticatedAt }),
    used: usedAt !== undefined,
    expiresAt,
  };
}

export interface RequestTakeUp {
  token: unknown;
  /** SHA-256 of a key that the browser keeps. */
  browserHash: Buffer;
  /** When the user of the browser had last proved who they are. */
  authenticatedAt?: Date | undefined;
}

/** The first browser that takes a request up gives it as long as a user needs, and keeps it for itself. */
export async function takeUpAuthorizationRequest(
  context: Context,
  { token: presented, browserHash, authenticatedAt }: RequestTakeUp,
): Promise<StoredRequest | undefined> {
  const { models, now, policies } = context;
  const token = parseToken("authorizationRequest", presented);
  if (!token) return undefined;
  const expiresAt = new Date(now.getTime() + policies.oauth.requestLifetimeMs);
  const taken = await findAndUpdate(
    models.AuthorizationRequest,
    { tokenHash: sha256(token.raw), browserHash: null, usedAt: null, expiresAt: { $gt: now } },
    {
      $set: {
        browserHash,
        takenUpAt: now,
        ...(authenticatedAt && { seenAuthenticatedAt: authenticatedAt }),
        expiresAt,
        purgeAt: new Date(expiresAt.getTime() + duration.hour),
      },
    },
    { returnDocument: "after" },
  );
  if (taken) return readRequest(taken);
  const known = await readAuthorizationRequest(context, presented);
  return equalHashes(known?.browserHash, browserHash) ? known : undefined;
}

/** Of any number of answers to one request, one is given. */
export async function claimAuthorizationRequest(
  { models, now }: Context,
  presented: unknown,
): Promise<boolean> {
  const token = parseToken("authorizationRequest", presented);
  if (!token) return false;
  const { matchedCount } = await models.AuthorizationRequest.collection.updateOne(
    { tokenHash: sha256(token.raw), usedAt: null, expiresAt: { $gt: now } },
    { $set: { usedAt: now } },
  );
  return matchedCount === 1;
}
