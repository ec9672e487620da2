import { Types } from "mongoose";
import type { Context } from "../context/context.js";
import { IdentityError } from "../core/errors.js";
import { parseInput } from "../core/input.js";
import { mintToken, sha256 } from "../core/secrets.js";
import { tokenPlace } from "../queries/place.js";
import { type Page, queries } from "../queries/queries.js";
import { runQuery } from "../queries/run-query.js";
import type { ApiKeyDocument } from "../schemas/api-key.js";
import type { IdentityModels } from "../schemas/models.js";
import { currentSchemaVersion } from "../schemas/parts/version.js";
import { type ApiKeyInput, apiKeyInputSchema } from "./input.js";
import { activateApiKey } from "./owner.js";
import type { ApiKeySummary, CreatedApiKey } from "./types.js";

/** How many characters of a key are kept for people: its prefix and 24 of its 384 random bits. */
const startLength = 8;

/** Leaves out what only a verification reads. */
const summaryProjection = { "secrets.keyHash": 0, leases: 0, ownerActive: 0, ownerGeneration: 0 } as const;

/** Who makes a key, and in which session where it is one. */
export interface KeyMaker {
  userId: Types.ObjectId;
  sessionId?: Types.ObjectId;
}

export async function createApiKey(context: Context, input: ApiKeyInput & KeyMaker): Promise<CreatedApiKey> {
  const { models, now } = context;
  const { userId, sessionId, ...wanted } = input;
  const { lifetimeMs, rateLimit = {}, quota, ...settings } = parseInput(apiKeyInputSchema, wanted);
  const _id = new Types.ObjectId();
  const key = newKey({ userId, _id });
  const apiKey: ApiKeyDocument = {
    _id,
    userId,
    ...settings,
    secrets: [{ keyHash: sha256(key), createdAt: now }],
    start: startOf(key),
    rateLimit,
    quota: {
      ...(quota && { remaining: quota.remaining }),
      ...(quota?.refill && {
        refillAmount: quota.refill.amount,
        refillIntervalMs: quota.refill.intervalMs,
        refilledAt: now,
      }),
    },
    leases: [],
    usage: { requests: 0, failures: 0 },
    ownerActive: false,
    ownerGeneration: 0,
    ...(sessionId && { addedInSession: sessionId }),
    createdAt: now,
    ...expiryAfter(context, lifetimeMs),
    schemaVersion: currentSchemaVersion,
  };
  await models.ApiKey.collection.insertOne({ ...apiKey });
  await activateOrRemove(models, apiKey);
  return { apiKey: summarise(apiKey), key };
}

// A crash in between leaves a key that nobody has and that does nothing.
async function activateOrRemove(models: IdentityModels, { _id, userId }: ApiKeyDocument): Promise<void> {
  const status = await activateApiKey(models, _id, userId);
  if (status === "active") return;
  await models.ApiKey.collection.deleteOne({ _id, userId });
  if (!status) throw new IdentityError("USER_NOT_FOUND", "there is no such user");
  throw new IdentityError("USER_NOT_ACTIVE", "the account is not active", { details: { status } });
}

/** Mints a key that leads to its document. */
export function newKey({ userId, _id }: Pick<ApiKeyDocument, "userId" | "_id">): string {
  return mintToken("apiKey", tokenPlace({ ownerId: userId, id: _id })).raw;
}

/** The visible start of a key, by which people recognise it. */
export function startOf(key: string): string {
  return key.slice(0, startLength);
}

/** The dates of a key that expires after so long, or not at all. */
export function expiryAfter(
  context: Context,
  lifetimeMs: number | undefined,
): Pick<ApiKeyDocument, "expiresAt" | "purgeAt"> {
  const { now } = context;
  if (lifetimeMs === undefined) return {};
  const expiresAt = now.getTime() + lifetimeMs;
  const purgeAt = new Date(expiresAt + context.policies.retention.tokensMs);
  return { expiresAt: new Date(expiresAt), purgeAt };
}

export async function listApiKeys(
  context: Context,
  input: { userId: Types.ObjectId; page?: Page },
): Promise<ApiKeySummary[]> {
  const { models } = context;
  const query = queries.liveApiKeysOfUser(input.userId, input.page);
  const found = await runQuery<ApiKeyDocument>(models, query, summaryProjection);
  return found.map(summarise);
}

export async function revokeApiKey(
  context: Context,
  input: { userId: Types.ObjectId; keyId: Types.ObjectId },
): Promise<boolean> {
  const { models, now } = context;
  const purgeAt = new Date(now.getTime() + context.policies.retention.tokensMs);
  const { modifiedCount } = await models.ApiKey.collection.updateOne(
    { _id: input.keyId, userId: input.userId, revokedAt: null },
    { $set: { revokedAt: now, purgeAt } },
  );
  return modifiedCount === 1;
}

/** A key without what only a verification reads. */
export function summarise(apiKey: ApiKeyDocument): ApiKeySummary {
  const { _id: id, name, start, scopes, ipAllowlist, rateLimit, quota, usage, createdAt } = apiKey;
  const { secrets, lastUsedAt, expiresAt } = apiKey;
  const [present, former] = secrets;
  return {
    id,
    name,
    start,
    scopes,
    ipAllowlist,
    rateLimit,
    quota,
    usage,
    createdAt,
    ...(lastUsedAt && { lastUsedAt }),
    ...(expiresAt && { expiresAt }),
    ...(present && former && { rotatedAt: present.createdAt }),
    ...(former?.expiresAt && { formerExpiresAt: former.expiresAt }),
  };
}
