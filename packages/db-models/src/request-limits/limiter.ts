import { windowAt } from "../api-keys/budget.js";
import { type Clock, clockToleranceMs } from "../core/clock.js";
import { IdentityError } from "../core/errors.js";
import { sha256 } from "../core/secrets.js";
import { withTimeLimit } from "../core/time-limit.js";
import { queries } from "../queries/queries.js";
import { findByQuery } from "../queries/run-query.js";
import { isFirst } from "../queries/update.js";
import type { IdentityModels } from "../schemas/models.js";
import { currentSchemaVersion } from "../schemas/parts/version.js";
import type { RequestLimitDocument } from "../schemas/request-limit.js";

/** A request that counts against a limit. */
export interface LimitedRequest {
  /** What is limited, such as the route: each kind is counted apart. */
  kind: string;
  /** Who asks, such as a network. Only its hash is stored. */
  client: string;
  /** Requests in a window. */
  limit: number;
  windowMs: number;
}

/** Whether a request is within its limit. */
export interface LimitVerdict {
  ok: boolean;
  /** Requests of the window that nobody has taken, as far as this process knows. */
  remaining: number;
  /** Until the window ends, milliseconds. */
  resetMs: number;
}

export interface LimiterRules {
  /** Clients whose share is remembered; of the others each request asks the database. */
  maxClients: number;
  /** Milliseconds that the database has to answer; later this process counts alone. */
  patienceMs: number;
  /** For how long it then counts alone before it asks again, milliseconds. */
  aloneMs: number;
}

interface Share {
  /** Requests that this process may let through without asking. */
  units: number;
  /** Requests that nobody had taken. */
  left: number;
  /** End of the window. */
  endsAt: number;
  waiting: Array<(verdict: LimitVerdict) => void>;
  claiming: boolean;
}

interface Claim {
  readonly granted: number;
  readonly left: number;
  readonly resetMs: number;
}

/** A piece is a tenth of what is left, and no more than a tenth of the limit or this. */
const pieceShare = 10;
const largestPiece = 32;
const maxAttempts = 100;

/** How many requests a process takes at once where fewer are needed: few writes, and little that others miss. */
export const pieceOf = (limit: number, left = limit): number =>
  Math.max(1, Math.min(largestPiece, Math.floor(Math.min(limit, left) / pieceShare)));

/**
 * Limits requests over all processes of a database. Each takes a piece of a client's window by one conditional update, and
 * spends it in memory; a client that has used up its window costs no command until it ends. Windows are
 * those of the clock, the same for all clients; one whose clock is behind stays in the window that the others opened.
 *
 * All processes together let through no more than the limit, and at most (processes - 1) x (piece - 1) fewer: what a process
 * has taken and not spent. While the database is away each process counts alone, up to the limit for itself.
 */
export class RequestLimiter {
  readonly #models: IdentityModels;
  readonly #rules: LimiterRules;
  readonly #clock: Clock;
  readonly #onError: (error: unknown) => void;
  readonly #shares = new Map<string, Share>();
  #aloneUntil = Number.NEGATIVE_INFINITY;

  constructor(models: IdentityModels, rules: LimiterRules, clock: Clock, onError: (error: unknown) => void) {
    this.#models = models;
    this.#rules = rules;
    this.#onError = onError;
    this.#clock = clock;
  }

  /** Takes one request. Never rejects. */
  take(request: LimitedRequest): Promise<LimitVerdict> {
    const key = `${request.kind}\n${request.windowMs}\n${request.limit}\n${request.client}`;
    const share = this.#shareOf(key);
    const resetMs = this.#resetMs(share, request);
    if (resetMs > 0 && !share.claiming) {
      if (share.units > 0) return Promise.resolve(this.#spend(share, resetMs));
      if (share.left === 0) return Promise.resolve({ ok: false, remaining: 0, resetMs });
    }
    return new Promise((settle) => {
      share.waiting.push(settle);
      if (!share.claiming) void this.#serve(key, share, request);
    });
  }

  #shareOf(key: string): Share {
    const known = this.#shares.get(key);
    const share = known ?? { units: 0, left: 0, endsAt: 0, waiting: [], claiming: false };
    // The one that was asked for longest ago stands first.
    this.#shares.delete(key);
    this.#shares.set(key, share);
    const [oldest] = this.#shares;
    if (this.#shares.size > this.#rules.maxClients && oldest && !oldest[1].claiming)
      this.#shares.delete(oldest[0]);
    return share;
  }

  /** How long a share is good, milliseconds: 0 when its window is over, or lies ahead since a clock was set back. */
  #resetMs({ endsAt }: Share, { windowMs }: LimitedRequest): number {
    const resetMs = endsAt - this.#clock.now().getTime();
    return resetMs > windowMs + clockToleranceMs ? 0 : Math.max(resetMs, 0);
  }

  #spend(share: Share, resetMs: number): LimitVerdict {
    share.units -= 1;
    return { ok: true, remaining: share.left + share.units, resetMs };
  }

  /** Serves those who wait, with one claim for all of them, and again for who came meanwhile. */
  async #serve(key: string, share: Share, request: LimitedRequest): Promise<void> {
    share.claiming = true;
    while (share.waiting.length > 0) {
      const needed = share.waiting.length;
      const { granted, left, resetMs } = await this.#claim(key, share, request, needed);
      const endsAt = this.#clock.now().getTime() + resetMs;
      Object.assign(share, { units: share.units + granted, left, endsAt });
      for (const settle of share.waiting.splice(0, needed)) {
        settle(share.units > 0 ? this.#spend(share, resetMs) : { ok: false, remaining: 0, resetMs });
      }
    }
    share.claiming = false;
  }

  async #claim(key: string, share: Share, request: LimitedRequest, needed: number): Promise<Claim> {
    // The rest of a window that is over is worth nothing.
    if (this.#resetMs(share, request) === 0) share.units = 0;
    const now = this.#clock.now();
    if (performance.now() >= this.#aloneUntil) {
      try {
        return await withTimeLimit(this.#rules.patienceMs, () =>
          claimIn(this.#models, sha256(key), request, { needed, now }),
        );
      } catch (error) {
        this.#onError(error);
        this.#aloneUntil = performance.now() + this.#rules.aloneMs;
      }
    }
    return this.#claimAlone(share, request, needed);
  }

  /** The window as this process alone counts it. */
  #claimAlone(share: Share, request: LimitedRequest, needed: number): Claim {
    const resetMs = this.#resetMs(share, request);
    const left = resetMs > 0 ? share.left : request.limit;
    const granted = Math.min(needed, left);
    return { granted, left: left - granted, resetMs: resetMs > 0 ? resetMs : request.windowMs };
  }
}

/** Takes as many requests of the window as are wanted and there are; of parallel claims one gets through in each round. */
async function claimIn(
  models: IdentityModels,
  key: Buffer,
  { limit, windowMs }: LimitedRequest,
  { needed, now }: { needed: number; now: Date },
): Promise<Claim> {
  const query = queries.requestLimitOf(key);
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const stored = await findByQuery(models, query, { startedAt: 1, taken: 1 });
    const used = stored?.taken ?? 0;
    const window = windowAt({ rateLimit: { limit, windowMs, ...stored, used } }, now);
    const startedAt = window.startedAt ?? now;
    const granted = Math.min(window.left, Math.max(needed, pieceOf(limit, window.left)));
    const left = window.left - granted;
    const claim = { granted, left, resetMs: startedAt.getTime() + windowMs - now.getTime() };
    if (granted === 0) return claim;
    const change = { startedAt, taken: limit - left, purgeAt: new Date(startedAt.getTime() + 2 * windowMs) };
    if (await replace(models, key, stored, change)) return claim;
  }
  throw new IdentityError("CONTENTION", "other processes claimed first");
}

/** False when another process changed the window first. */
async function replace(
  { RequestLimit }: IdentityModels,
  key: Buffer,
  stored: Pick<RequestLimitDocument, "startedAt" | "taken"> | undefined,
  change: Pick<RequestLimitDocument, "startedAt" | "taken" | "purgeAt">,
): Promise<boolean> {
  if (stored) {
    const { startedAt, taken } = stored;
    const { matchedCount } = await RequestLimit.collection.updateOne(
      { key, startedAt, taken },
      { $set: change },
    );
    return matchedCount === 1;
  }
  return isFirst(RequestLimit, { key, ...change, schemaVersion: currentSchemaVersion });
}
