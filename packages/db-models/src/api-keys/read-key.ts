import { mongo } from "mongoose";
import { type LocatedToken, sha256, sha256Text, tokenLength } from "../core/secrets.js";
import { placeOf } from "../queries/place.js";
import { queries } from "../queries/queries.js";
import { damageAt, findBearer, leaveOut } from "../queries/run-query.js";
import type { IdentityModels } from "../schemas/models.js";
import type { CommittedReadOptions } from "../session-cache/committed-read.js";
import { lookUp } from "../session-cache/look-up.js";
import type { ReadApiKey, RememberedApiKey } from "../session-cache/remembered.js";
import type { SessionCache } from "../session-cache/session-cache.js";
import { subjectsOfDocument } from "../session-cache/subjects.js";
import type { Kept } from "../session-cache/table.js";
import { isMetered, lackingOf } from "./budget.js";
import { type CheckedApiKey, secretOf } from "./check.js";

/** A key as a request presents it. */
export interface PresentedKey {
  readonly token: LocatedToken;
  /** The moment of the read, if it takes one, by the count of the leases. */
  readonly readAt: number;
}

/** As `ReadApiKey`, with what only a read can find. */
export interface FoundApiKey extends ReadApiKey {
  readonly key: CheckedApiKey;
}

const keyLength = tokenLength("apiKey");

/** What memory has of the key that was presented, if it is good for this request. One in memory was well-formed when it was read. */
export function recallApiKey(
  { apiKeys }: SessionCache,
  presented: unknown,
  isGood: (found: FoundApiKey) => boolean,
): FoundApiKey | undefined {
  if (typeof presented !== "string" || presented.length !== keyLength) return undefined;
  return apiKeys.recall(sha256Text(presented), isGood)?.value;
}

/**
 * Reads the key that was presented, where its token says it is.
 *
 * @param isGood - whether a key that memory has is good for this request: what it refuses, the database decides.
 */
export async function readApiKey(
  models: IdentityModels,
  cache: SessionCache | undefined,
  { token, readAt }: PresentedKey,
  isGood: (found: FoundApiKey) => boolean,
): Promise<FoundApiKey | undefined> {
  // Whole: a key has little that isn't read here, and to leave that out costs the server more than to send it.
  const read = async (options?: CommittedReadOptions): Promise<FoundApiKey | undefined> => {
    const key = await findBearer(models, queries.apiKeyById(placeOf(token)), options);
    const lacking = key && lackingOf(key);
    // A limit in part would be none.
    if (lacking) leaveOut(models, damageAt(models.ApiKey.collection.name, key, lacking));
    const secret = key && !lacking && secretOf(key, sha256(token.raw));
    return secret ? { key, secret, readAt } : undefined;
  };
  if (!cache) return read();
  return lookUp<FoundApiKey>(cache, cache.apiKeys, {
    key: sha256Text(token.raw),
    isGood,
    collection: models.ApiKey.collection,
    read,
    keep: (found) => keptKey(models, found),
  });
}

/**
 * A key with a quota or a rate limit answers those who wait for this read, and is not kept: its lease takes the budget that was
 * read, and has to know when.
 */
function keptKey(models: IdentityModels, { key, secret, readAt }: FoundApiKey): Kept<FoundApiKey> {
  const { _id, userId, secrets, scopes, ipAllowlist, rateLimit, quota, leases } = key;
  const { ownerActive, expiresAt, schemaVersion } = key;
  const remembered: RememberedApiKey = {
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
    value: { key: remembered, secret, readAt },
    subjects: subjectsOfDocument(models.ApiKey.collection.name, key),
    bytes: mongo.BSON.calculateObjectSize(remembered),
    ...(isMetered(key) && { onlyForWaiting: true }),
  };
}
