import type { Types } from "mongoose";
import { IdentityError } from "../core/errors.js";
import { parseInput } from "../core/input.js";
import { mintToken, sha256 } from "../core/secrets.js";
import type { ApiKeyDocument } from "../schemas/api-key.js";
import type { IdentityModels } from "../schemas/models.js";
import { assertKnownVersion } from "../schemas/parts/version.js";
import { type ApiKeyRotationInput, apiKeyRotationSchema } from "./input.js";
import { expiryAfter, startOf, summarise } from "./manage.js";
import type { RotatedApiKey } from "./types.js";

/** Of parallel rotations one gets through in each round. */
const maxAttempts = 200;

/**
 * Replaces a key. The one before stays good for a while, so that programs can change over without a gap; the one
 * before that ends at once, for there are never more than two. Both are in one document, hence name, scopes, limits,
 * and what is left of the quota are the same thing for both: a rotation grants nothing.
 *
 * @throws IdentityError `API_KEY_NOT_FOUND` when the user has no such live key; `INVALID_INPUT`; `CONTENTION`.
 */
export async function rotateApiKey(
  models: IdentityModels,
  input: ApiKeyRotationInput & { userId: Types.ObjectId; keyId: Types.ObjectId },
  now: Date,
): Promise<RotatedApiKey> {
  const { userId, keyId, ...wanted } = input;
  const { overlapMs, lifetimeMs } = parseInput(apiKeyRotationSchema, wanted);
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const apiKey = await readLiveKey(models, { _id: keyId, userId }, now);
    const formerExpiresAt = new Date(Math.min(now.getTime() + overlapMs, +(apiKey.expiresAt ?? Infinity)));
    const key = mintToken("apiKey").raw;
    const changes = {
      secrets: secretsAfter(apiKey, key, formerExpiresAt, now),
      start: startOf(key),
      ...expiryAfter(models, now, lifetimeMs),
    };
    if (await replace(models, apiKey, changes)) {
      return { apiKey: summarise({ ...apiKey, ...changes }), key, formerExpiresAt };
    }
  }
  throw new IdentityError("CONTENTION", "the key is being rotated over and over");
}

async function readLiveKey(
  models: IdentityModels,
  filter: Pick<ApiKeyDocument, "_id" | "userId">,
  now: Date,
): Promise<ApiKeyDocument> {
  const apiKey = (await models.ApiKey.collection.findOne(filter)) as ApiKeyDocument | null;
  if (apiKey) assertKnownVersion(apiKey);
  if (apiKey && !apiKey.revokedAt && !(apiKey.expiresAt && apiKey.expiresAt <= now)) return apiKey;
  throw new IdentityError("API_KEY_NOT_FOUND", "the user has no such live key");
}

function secretsAfter(
  { secrets: [former] }: ApiKeyDocument,
  key: string,
  formerExpiresAt: Date,
  now: Date,
): ApiKeyDocument["secrets"] {
  const present = { keyHash: sha256(key), createdAt: now };
  return former ? [present, { ...former, expiresAt: formerExpiresAt }] : [present];
}

// The filter names the key that this rotation saw, so that of two only one replaces it.
async function replace(
  models: IdentityModels,
  { _id, secrets: [former] }: ApiKeyDocument,
  changes: Partial<ApiKeyDocument>,
): Promise<boolean> {
  const { matchedCount } = await models.ApiKey.collection.updateOne(
    { _id, revokedAt: null, "secrets.0.keyHash": former?.keyHash ?? null },
    { $set: changes },
  );
  return matchedCount === 1;
}
