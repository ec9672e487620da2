import { IdentityError } from "../core/errors.js";
import { isSound } from "../queries/run-query.js";
import type { ApiKeyLease } from "../schemas/api-key.js";
import type { IdentityModels } from "../schemas/models.js";
import {
  afterClaim,
  available,
  type Budget,
  budgetOf,
  claimCommand,
  lackingOf,
  leaseEnd,
  type MeteredKey,
  type Periods,
  returnCommand,
  spareUnits,
  type Unspent,
} from "./budget.js";
import type { ApiKeyExhausted } from "./check.js";

/** Runs something later; returns what calls it off. */
export type Schedule = (run: () => void, delayMs: number) => () => void;

export interface LeaseRules {
  leaseSize: number;
  leaseMs: number;
  maxKeys: number;
}

/** Result of a verification: the key at that moment, with this process's share of its quota. */
export interface Granted {
  key: MeteredKey;
  /** Units of the key that this process still holds. */
  held: number;
}

/** `unknown` when the key was removed meanwhile. */
export type Taken = Granted | ApiKeyExhausted | { ok: false; reason: "unknown" };

interface Lease extends Unspent {
  expiresAt: Date;
  cancel: () => void;
}

interface Waiter {
  /** When its own read of the key began. */
  readAt: number;
  settle: (taken: Taken) => void;
  fail: (error: unknown) => void;
}

interface KeyState {
  /** The newest that is known of the key. */
  key: MeteredKey;
  /** When the read began that `key` is of; `undefined` when it was computed from a claim. */
  readAt: number | undefined;
  now: Date;
  lease?: Lease | undefined;
  waiting: Waiter[];
  running?: Promise<void> | undefined;
  /** When the last claim was done: reads that began earlier don't know of it. */
  claimedAt: number;
}

/** How long a process waits beyond a lease's end for its owner to give back the rest. */
const returnGraceMs = 500;
/** First and longest pause between two looks at whether another process has given back. */
const pollMs = { first: 20, longest: 200 } as const;
/** Verifications of one key that wait at the same time for another process; more are refused. */
const maxWaiting = 1_000;
/** Of parallel claims one gets through in each round. */
const maxAttempts = 400;

/**
 * Hands out the units of keys: of a lease in memory where there is one, by a conditional update where there is none.
 * A unit that has been claimed is never claimed again unless its only holder gives it back, so no crash and no clock
 * lets more verifications succeed than a quota holds; a crash loses what its leases held.
 */
export class KeyLeases {
  readonly #models: IdentityModels;
  readonly #owner: string;
  readonly #rules: LeaseRules;
  readonly #schedule: Schedule;
  readonly #states = new Map<string, KeyState>();
  readonly #returns = new Set<Promise<void>>();
  readonly #onError: (error: unknown) => void;
  #closed = false;
  #moments = 0;

  constructor(
    models: IdentityModels,
    owner: string,
    rules: LeaseRules,
    schedule: Schedule,
    onError: (error: unknown) => void,
  ) {
    this.#models = models;
    this.#owner = owner;
    this.#rules = rules;
    this.#schedule = schedule;
    this.#onError = onError;
  }

  /** Marks the begin of a read, for `take` to know what the read can't have seen. */
  moment(): number {
    this.#moments += 1;
    return this.#moments;
  }

  /** Takes one unit. */
  take(key: MeteredKey, readAt: number, now: Date): Promise<Taken> {
    const id = key._id.toHexString();
    const state = this.#states.get(id) ?? { key, readAt, now, waiting: [], claimedAt: 0 };
    this.#states.set(id, state);
    const { lease } = state;
    if (lease && lease.units > 0 && isGood(lease, key, now)) {
      lease.units -= 1;
      return Promise.resolve({ key, held: lease.units });
    }
    adopt(state, key, readAt);
    state.now = now;
    return new Promise((settle, fail) => {
      state.waiting.push({ readAt, settle, fail });
      state.running ??= this.#serve(state).finally(() => {
        state.running = undefined;
        this.#forget(id, state);
      });
    });
  }

  /** Gives back every lease; from now on there are no new ones. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#states.values()].map(({ running }) => running));
    for (const [id, state] of this.#states) {
      this.#giveBack(state);
      this.#forget(id, state);
    }
    await Promise.all(this.#returns);
  }

  #forget(id: string, { lease, running, waiting }: KeyState): void {
    if (!lease && !running && waiting.length === 0) this.#states.delete(id);
  }

  async #serve(state: KeyState): Promise<void> {
    let waitedMs = 0;
    try {
      for (let attempt = 0; state.waiting.length > 0; ) {
        const budget = budgetOf(state.key, state.now);
        if (available(budget) > 0) {
          attempt = (await this.#claim(state, budget)) ? 0 : attempt + 1;
          if (attempt > maxAttempts) throw new IdentityError("CONTENTION", "other processes claimed first");
          continue;
        }
        waitedMs = await this.#waitOrRefuse(state, budget, waitedMs);
      }
    } catch (error) {
      for (const { fail } of state.waiting.splice(0)) fail(error);
    }
  }

  /** Claims for those who wait, and some to spare. False when somebody else changed the key first. */
  async #claim(state: KeyState, budget: Budget): Promise<boolean> {
    const needed = Math.min(state.waiting.length, available(budget));
    const spare = this.#leasesFull() ? 0 : spareUnits(state.key, budget, needed, this.#rules.leaseSize);
    const unspent = this.#takeLease(state);
    const expiresAt = leaseEnd(budget, state.now, this.#rules.leaseMs);
    const lease: ApiKeyLease | undefined =
      spare > 0 ? { owner: this.#owner, units: spare, expiresAt } : undefined;
    const claim = {
      owner: this.#owner,
      units: needed + spare,
      ...(lease && { lease }),
      ...(unspent && { unspent }),
    };
    const { filter, update } = claimCommand(state.key, budget, claim, state.now);
    const { matchedCount } = await this.#models.ApiKey.collection.updateOne(filter, update);
    if (matchedCount === 0) {
      if (unspent) this.#return(state, unspent);
      await this.#read(state);
      return false;
    }
    const key = afterClaim(state.key, budget, claim);
    Object.assign(state, { key, readAt: undefined, claimedAt: this.moment() });
    if (lease) this.#hold(state, { ...budget, units: spare, expiresAt });
    for (const { settle } of state.waiting.splice(0, needed)) settle({ key, held: spare });
    return true;
  }

  #leasesFull(): boolean {
    return this.#closed || this.#states.size > this.#rules.maxKeys;
  }

  #hold(state: KeyState, { units, expiresAt, refilledAt, startedAt }: Periods & Omit<Lease, "cancel">): void {
    const lease: Lease = { units, expiresAt, refilledAt, startedAt, cancel: () => undefined };
    state.lease = lease;
    const delay = Math.max(expiresAt.getTime() - state.now.getTime(), 0);
    lease.cancel = this.#schedule(() => {
      if (state.lease !== lease) return;
      this.#giveBack(state);
      this.#forget(state.key._id.toHexString(), state);
    }, delay);
  }

  /** Takes the lease out of use. */
  #takeLease(state: KeyState): Lease | undefined {
    const { lease } = state;
    lease?.cancel();
    state.lease = undefined;
    return lease;
  }

  #giveBack(state: KeyState): void {
    const lease = this.#takeLease(state);
    if (lease) this.#return(state, lease);
  }

  /** In the background; an error loses the units, for nobody can tell whether they arrived. */
  #return({ key, now }: KeyState, unspent: Unspent): void {
    const { filter, update } = returnCommand(key, this.#owner, unspent, now);
    const returned = this.#models.ApiKey.collection
      .updateOne(filter, update)
      .then(() => undefined, this.#onError)
      .finally(() => this.#returns.delete(returned));
    this.#returns.add(returned);
  }

  /** With nothing left: gives back what this process holds, waits for what others hold, and refuses in the end. */
  async #waitOrRefuse(state: KeyState, budget: Budget, waitedMs: number): Promise<number> {
    const { key, readAt = 0 } = state;
    if (state.lease) {
      this.#giveBack(state);
      await Promise.all(this.#returns);
      await this.#read(state);
      return waitedMs;
    }
    const due = Math.max(...key.leases.map((lease) => this.#dueMs(lease, state.now)), 0);
    if (due <= 0 || state.waiting.length > maxWaiting) {
      // Nobody is refused for what was read before they asked.
      const [informed, others] = partition(state.waiting, (waiter) => waiter.readAt <= readAt);
      state.waiting = others;
      this.#refuse(informed, budget, state.now);
      if (others.length > 0) await this.#read(state);
      return 0;
    }
    const pause = Math.min(pollMs.longest, Math.max(pollMs.first, waitedMs), due);
    await new Promise<void>((resolve) => this.#schedule(resolve, pause));
    state.now = new Date(state.now.getTime() + pause);
    await this.#read(state);
    return waitedMs + pause;
  }

  /** How long to wait for another owner's lease; no clock that is ahead can make it longer than a lease is. */
  #dueMs({ owner, expiresAt }: ApiKeyLease, now: Date): number {
    if (owner === this.#owner) return 0;
    const due = expiresAt.getTime() - now.getTime();
    return Math.min(due, this.#rules.leaseMs) + returnGraceMs;
  }

  #refuse(waiting: readonly Waiter[], { remaining, refillAt, resetAt }: Budget, now: Date): void {
    const reason = remaining > 0 ? "rate_limited" : "quota_exhausted";
    const until = remaining > 0 ? resetAt : refillAt;
    const retryAfterMs = until && Math.max(until.getTime() - now.getTime(), 1);
    const refusal: ApiKeyExhausted = { ok: false, reason, ...(retryAfterMs && { retryAfterMs }) };
    for (const { settle } of waiting) settle(refusal);
  }

  async #read(state: KeyState): Promise<void> {
    const readAt = this.moment();
    const projection = { userId: 1, quota: 1, rateLimit: 1, leases: 1 } as const;
    const { name } = this.#models.ApiKey.collection;
    const key = await this.#models.ApiKey.collection.findOne<MeteredKey>(
      { _id: state.key._id, userId: state.key.userId },
      { projection },
    );
    if (key && isSound(this.#models, name, key, projection) && !lackingOf(key)) adopt(state, key, readAt);
    else for (const { settle } of state.waiting.splice(0)) settle({ ok: false, reason: "unknown" });
  }
}

/** Takes over what was read of a key, unless something newer is known. */
function adopt(state: KeyState, key: MeteredKey, readAt: number): void {
  if (readAt > state.claimedAt && readAt > (state.readAt ?? 0)) Object.assign(state, { key, readAt });
}

function partition<T>(items: readonly T[], belongs: (item: T) => boolean): [T[], T[]] {
  return [items.filter(belongs), items.filter((item) => !belongs(item))];
}

/** Units are spent before their lease ends, and only in the interval and the window that they were taken from. */
function isGood(lease: Lease, key: MeteredKey, now: Date): boolean {
  return (
    now < lease.expiresAt &&
    !isLater(key.quota.refilledAt, lease.refilledAt) &&
    !isLater(key.rateLimit.startedAt, lease.startedAt)
  );
}

function isLater(left: Date | undefined, right: Date | undefined): boolean {
  return (left?.getTime() ?? 0) > (right?.getTime() ?? 0);
}
