import { mongo } from "mongoose";
import type { LocatedToken } from "../core/secrets.js";
import { placeOf } from "../queries/place.js";
import { queries } from "../queries/queries.js";
import { findByQuery } from "../queries/run-query.js";
import type { IdentityModels } from "../schemas/models.js";
import { type CommittedReadOptions, readCommitted } from "../session-cache/committed-read.js";
import type { RememberedApiKey } from "../session-cache/remembered.js";
import type { SessionCache } from "../session-cache/session-cache.js";
import { subjectsOfDocument } from "../session-cache/subjects.js";
import type { Kept } from "../session-cache/table.js";
import { isMetered } from "./budget.js";
import { type CheckedApiKey, secretOf } from "./check.js";

/**
 * Reads the key that was presented, where its token says it is.
 *
 * @param isGood - whether a key that memory has is good for this request: what it refuses, the database decides.
 */
export async function readApiKey(
  models: IdentityModels,
  cache: SessionCache | undefined,
  { token, keyHash }: { token: LocatedToken; keyHash: Buffer },
  isGood: (key: CheckedApiKey) => boolean,
): Promise<CheckedApiKey | undefined> {
  // Whole: a key has little that isn't read here, and to leave that out costs the server more than to send it.
  const read = async (options?: CommittedReadOptions): Promise<CheckedApiKey | undefined> => {
    const found = await findByQuery(models, queries.apiKeyById(placeOf(token)), undefined, options);
    return found && secretOf(found, keyHash) ? found : undefined;
  };
  if (!cache) return read();
  const key = keyHash.toString("base64url");
  const known = cache.apiKeys.recall(key, isGood);
  if (known) return known.value;
  return cache.apiKeys.fill(key, isGood, async (position) => {
    const committed = await readCommitted(models.ApiKey.collection, position, cache.boundMs, read);
    if (!committed) return { result: await read() };
    const { found } = committed;
    return { result: found, keep: found && isGood(found) ? rememberKey(models, found) : undefined };
  });
}

/** A key with a quota or a rate limit is not kept: its lease takes the budget that was read, and each only once. */
function rememberKey(models: IdentityModels, key: CheckedApiKey): Kept<RememberedApiKey> | undefined {
  if (isMetered(key)) return undefined;
  const { _id, userId, secrets, scopes, ipAllowlist, rateLimit, quota, leases } = key;
  const { ownerActive, expiresAt, schemaVersion } = key;
  const value: RememberedApiKey = {
    _id,
    userId,
    secrets,
    scopes,
    ipAllowlist,
    rateLimit,
    quota,
    leases,
    ownerActive,
    ...(expiresAt && { expiresAt }),
    schemaVersion,
  };
  return {
    value,
    subjects: subjectsOfDocument(models.ApiKey.collection.name, key),
    bytes: mongo.BSON.calculateObjectSize(value),
  };
}
