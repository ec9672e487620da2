import type { Types } from "mongoose";
import type { Context } from "../context/context.js";
import { isOver } from "../core/clock.js";
import { IdentityError } from "../core/errors.js";
import { parseInput } from "../core/input.js";
import { sha256 } from "../core/secrets.js";
import type { ApiKeyDocument } from "../schemas/api-key.js";
import type { IdentityModels } from "../schemas/models.js";
import { assertKnownVersion } from "../schemas/parts/version.js";
import { type ApiKeyRotationInput, apiKeyRotationSchema } from "./input.js";
import { expiryAfter, type KeyMaker, newKey, startOf, summarise } from "./manage.js";
import type { RotatedApiKey } from "./types.js";

/** Of parallel rotations one gets through in each round. */
const maxAttempts = 200;

export async function rotateApiKey(
  context: Context,
  input: ApiKeyRotationInput & KeyMaker & { keyId: Types.ObjectId },
): Promise<RotatedApiKey> {
  const { models, now } = context;
  const { userId, sessionId, keyId, ...wanted } = input;
  const { overlapMs, lifetimeMs } = parseInput(apiKeyRotationSchema, wanted);
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const apiKey = await readLiveKey(context, { _id: keyId, userId });
    const formerExpiresAt = new Date(Math.min(now.getTime() + overlapMs, +(apiKey.expiresAt ?? Infinity)));
    const key = newKey(apiKey);
    const changes = {
      secrets: secretsAfter(apiKey, key, formerExpiresAt, now),
      start: startOf(key),
      ...(sessionId && { addedInSession: sessionId }),
      ...expiryAfter(context, lifetimeMs),
    };
    if (await replace(models, apiKey, changes)) {
      return { apiKey: summarise({ ...apiKey, ...changes }), key, formerExpiresAt };
    }
  }
  throw new IdentityError("CONTENTION", "the key is being rotated over and over");
}

async function readLiveKey(
  context: Context,
  filter: Pick<ApiKeyDocument, "_id" | "userId">,
): Promise<ApiKeyDocument> {
  const { models, now } = context;
  const apiKey = (await models.ApiKey.collection.findOne(filter)) as ApiKeyDocument | null;
  if (apiKey) assertKnownVersion(apiKey);
  if (apiKey && !apiKey.revokedAt && !(apiKey.expiresAt && isOver(apiKey.expiresAt, now))) return apiKey;
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
  { _id, userId, secrets: [former] }: ApiKeyDocument,
  changes: Partial<ApiKeyDocument>,
): Promise<boolean> {
  const { matchedCount } = await models.ApiKey.collection.updateOne(
    { _id, userId, revokedAt: null, "secrets.0.keyHash": former?.keyHash ?? null },
    { $set: changes },
  );
  return matchedCount === 1;
}
