import { randomBytes } from "node:crypto";
import type { Types } from "mongoose";
import { duration } from "../core/limits.js";
import { parseToken } from "../core/secrets.js";
import { WriteBehind } from "../core/write-behind.js";
import { type EntryWrite, type Unwritten, writeEach } from "../queries/write-each.js";
import type { IdentityModels } from "../schemas/models.js";
import { assertKnownVersion } from "../schemas/parts/version.js";
import type { SessionCache } from "../session-cache/session-cache.js";
import { budgetOf, isMetered } from "./budget.js";
import {
  type ApiKeyCheck,
  type ApiKeyPresentation,
  type CheckedApiKey,
  refusalOf,
  type VerifiedApiKey,
} from "./check.js";
import { type Granted, KeyLeases, type Schedule } from "./leases.js";
import { type FoundApiKey, readApiKey, recallApiKey } from "./read-key.js";

export interface ApiKeyVerifierOptions {
  /** Verifications that are claimed at once of a key with a quota or a rate limit; 0 claims each by itself. Default 100. */
  leaseSize?: number;
  /** After this time what is left of a lease is given back. Default 5,000 ms. */
  leaseMs?: number;
  /** Usage is written this long after the first verification that is not written yet. Default 5,000 ms. */
  flushIntervalMs?: number;
  /** Verifications whose counts a crash loses at most. Default 1,000. */
  maxUnwritten?: number;
  /** Keys with leases at the same time; further ones have each verification claimed by itself. Default 10,000. */
  maxKeys?: number;
  /** Memory that answers for keys without a quota and a rate limit; absent where every verification reads. */
  cache?: SessionCache | undefined;
  /** How something is run later. Default: a timer that doesn't keep the process alive. */
  schedule?: Schedule;
  /** Told when leases or counts could not be written; they are lost, and nothing is counted twice. */
  onError?: (error: unknown) => void;
}

interface PendingUse {
  _id: Types.ObjectId;
  userId: Types.ObjectId;
  requests: number;
  failures: number;
  lastUsedAt: Date;
}

/**
 * Verifies API keys: one read by `_id` each, on which a revocation, the account's status, expiry, allowlist
 * and scopes are decided. Quota and rate limit are claimed in leases and spent in memory, and use is counted in memory
 * and written in groups. One for a process; close it at shutdown.
 *
 * @example
 * const verifier = new ApiKeyVerifier(models);
 * const check = await verifier.verify({ key: bearer, ip: request.ip, scopes: ["repo:read"] }, new Date());
 * if (!check.ok) return reply.code(401).send();
 * await verifier.close(); // at shutdown
 */
export class ApiKeyVerifier {
  readonly #models: IdentityModels;
  readonly #leases: KeyLeases;
  readonly #usage: WriteBehind<PendingUse>;
  readonly #cache: SessionCache | undefined;
  readonly #schedule: Schedule;
  readonly #flushIntervalMs: number;
  readonly #maxUnwritten: number;
  /** Counted and not confirmed as written; of them, those that no flush has taken. */
  #unwritten = 0;
  #unflushed = 0;
  #flushDue: (() => void) | undefined;

  constructor(models: IdentityModels, options: ApiKeyVerifierOptions = {}) {
    const { leaseSize = 100, leaseMs = 5 * duration.second, maxKeys = 10_000 } = options;
    const onError = options.onError ?? (() => undefined);
    this.#models = models;
    this.#cache = options.cache;
    this.#schedule = options.schedule ?? later;
    this.#flushIntervalMs = options.flushIntervalMs ?? 5 * duration.second;
    this.#maxUnwritten = options.maxUnwritten ?? 1_000;
    const owner = randomBytes(16).toString("base64url");
    const rules = { leaseSize, leaseMs, maxKeys };
    this.#leases = new KeyLeases(models, owner, rules, this.#schedule, onError);
    this.#usage = new WriteBehind((group) => this.#write(group), onError);
  }

  /**
   * Verifies a key for a request; a valid answer has used up one of its quota and of its rate limit.
   *
   * @param now - the moment of the request.
   * @throws IdentityError `SCHEMA_TOO_NEW`.
   */
  verify(presented: ApiKeyPresentation, now: Date): Promise<ApiKeyCheck> {
    const isGood = ({ key, secret }: FoundApiKey) =>
      refusalOf(key, secret, presented, now) === undefined && !isMetered(key);
    const known = this.#cache && recallApiKey(this.#cache, presented.key, isGood);
    // Nothing to wait for: nearly every verification of a key without a budget ends here.
    if (known) return this.#counted(known.key, validOf(known.key), now);
    return this.#verifyByRead(presented, now);
  }

  async #verifyByRead(presented: ApiKeyPresentation, now: Date): Promise<ApiKeyCheck> {
    const token = parseToken("apiKey", presented.key);
    if (!token) return { ok: false, reason: "malformed" };
    const refusal = ({ key, secret }: FoundApiKey) => refusalOf(key, secret, presented, now);
    const asked = { token, readAt: this.#leases.moment() };
    const found = await readApiKey(this.#models, this.#cache, asked, (one) => refusal(one) === undefined);
    // With another secret it is no request of the key that it names, and counts as none.
    if (!found) return { ok: false, reason: "unknown" };
    const { key: apiKey, readAt } = found;
    assertKnownVersion(apiKey);
    const reason = refusal(found);
    const check = reason ? { ok: false as const, reason } : await this.#spend(apiKey, readAt, now);
    return this.#counted(apiKey, check, now);
  }

  /** Writes the counts so far; resolves when they, and those of every flush before, are written. */
  flush(): Promise<void> {
    this.#flushDue?.();
    this.#flushDue = undefined;
    this.#unflushed = 0;
    return this.#usage.flush();
  }

  /** Gives back the leases and writes the counts. A verification after it works, without leases. */
  async close(): Promise<void> {
    await this.#leases.close();
    await this.flush();
  }

  async #spend(apiKey: CheckedApiKey, readAt: number, now: Date): Promise<ApiKeyCheck> {
    const valid = validOf(apiKey);
    if (!isMetered(apiKey)) return valid;
    const taken = await this.#leases.take(apiKey, readAt, now);
    return "ok" in taken ? taken : { ...valid, ...leftOf(taken, now) };
  }

  /** Counts a verification, and answers with it: waits rather than counts more than a crash may lose. */
  async #counted({ _id, userId }: CheckedApiKey, check: ApiKeyCheck, now: Date): Promise<ApiKeyCheck> {
    while (this.#unwritten >= this.#maxUnwritten) await this.flush();
    this.#unwritten += 1;
    this.#unflushed += 1;
    const fresh = () => ({ _id, userId, requests: 0, failures: 0, lastUsedAt: now });
    const use = this.#usage.entryOf(_id.toHexString(), fresh);
    use.requests += 1;
    if (!check.ok) use.failures += 1;
    if (now > use.lastUsedAt) use.lastUsedAt = now;
    // Half of what may be lost is written while the other half is counted.
    if (this.#unflushed * 2 >= this.#maxUnwritten) void this.flush();
    else this.#flushDue ??= this.#schedule(() => void this.flush(), this.#flushIntervalMs);
    return check;
  }

  async #write(group: PendingUse[]): Promise<Unwritten<PendingUse>> {
    const unwritten: Unwritten<PendingUse> = new Map();
    try {
      await writeEach(this.#models.ApiKey.collection, group.map(usageUpdate), unwritten);
      return unwritten;
    } finally {
      this.#unwritten -= group.reduce((sum, { requests }) => sum + requests, 0);
    }
  }
}

function validOf({ _id: keyId, userId, scopes }: CheckedApiKey): VerifiedApiKey {
  return { ok: true, keyId, userId, scopes: [...scopes] };
}

function leftOf({ key, held }: Granted, now: Date): Pick<VerifiedApiKey, "remaining" | "rateLimit"> {
  const { remaining, left, resetAt } = budgetOf(key, now);
  const { limit } = key.rateLimit;
  return {
    ...(key.quota.remaining !== undefined && { remaining: remaining + held }),
    ...(limit !== undefined && resetAt && { rateLimit: { limit, remaining: left + held, resetAt } }),
  };
}

function usageUpdate(use: PendingUse): EntryWrite<PendingUse> {
  const { _id, userId, requests, failures, lastUsedAt } = use;
  const update = {
    $inc: { "usage.requests": requests, "usage.failures": failures },
    $max: { lastUsedAt },
  };
  return { operation: { updateOne: { filter: { _id, userId }, update } }, entries: [use] };
}

function later(run: () => void, delayMs: number): () => void {
  const timer = setTimeout(run, delayMs);
  timer.unref();
  return () => clearTimeout(timer);
}
