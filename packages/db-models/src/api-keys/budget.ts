import { clockToleranceMs } from "../core/clock.js";
import { duration, limits } from "../core/limits.js";
import type { ApiKeyDocument, ApiKeyLease } from "../schemas/api-key.js";

/** The fields of a key that limit its use. */
export type MeteredKey = Pick<ApiKeyDocument, "_id" | "userId" | "quota" | "rateLimit" | "leases">;

/** The interval of the quota and the window of the rate limit that units belong to. */
export interface Periods {
  refilledAt: Date | undefined;
  startedAt: Date | undefined;
}

/** The part of a key's limits that can be claimed at a moment, including a refill or a new window that is due. */
export interface Budget extends Periods {
  /** Of the quota; infinite without one. */
  remaining: number;
  /** Of the window; infinite without a rate limit. */
  left: number;
  refillAt: Date | undefined;
  resetAt: Date | undefined;
}

/** True for a key with a quota or a rate limit. */
export function isMetered({ quota, rateLimit }: MeteredKey): boolean {
  return quota.remaining !== undefined || rateLimit.limit !== undefined;
}

/**
 * The path of what a limit lacks without which it would limit nothing, or never refill; `undefined` where each is whole or
 * not there at all.
 */
export function lackingOf({ quota, rateLimit }: Pick<MeteredKey, "quota" | "rateLimit">): string | undefined {
  const { limit, windowMs } = rateLimit;
  const { remaining, refillAmount, refillIntervalMs, refilledAt } = quota;
  const refill = { refillAmount, refillIntervalMs, refilledAt };
  const hasRefill = Object.values(refill).some((value) => value !== undefined);
  return (
    lackingIn("rateLimit", { limit, windowMs }) ??
    lackingIn("quota", hasRefill ? { remaining, ...refill } : {})
  );
}

/** The first that is missing of values that belong together, where any of them is there. */
function lackingIn(name: string, values: Readonly<Record<string, unknown>>): string | undefined {
  const missing = Object.keys(values).filter((key) => values[key] === undefined);
  return missing.length < Object.keys(values).length && missing[0] ? `${name}.${missing[0]}` : undefined;
}

/**
 * A clock that was set back opens no new interval or window: it stays in the one that it knows of. One that a clock began
 * further ahead than clocks may differ is moved back to this moment, with what is left of it: no unit is granted twice.
 */
export function budgetOf(key: MeteredKey, now: Date): Budget {
  return { ...quotaAt(key, now), ...windowAt(key, now) };
}

function quotaAt({ quota }: MeteredKey, now: Date): Pick<Budget, "remaining" | "refilledAt" | "refillAt"> {
  const { remaining = Number.POSITIVE_INFINITY, refillAmount, refillIntervalMs, refilledAt } = quota;
  if (!refillAmount || !refillIntervalMs || !refilledAt) {
    return { remaining, refilledAt, refillAt: undefined };
  }
  const intervals = Math.floor((now.getTime() - refilledAt.getTime()) / refillIntervalMs);
  const passed = isFarAhead(refilledAt, now) ? intervals : Math.max(intervals, 0);
  const begin = refilledAt.getTime() + passed * refillIntervalMs;
  return {
    remaining: passed > 0 ? refillAmount : remaining,
    refilledAt: new Date(begin),
    refillAt: new Date(begin + refillIntervalMs),
  };
}

/** The window of a rate limit at a moment. */
export function windowAt(
  { rateLimit }: Pick<MeteredKey, "rateLimit">,
  now: Date,
): Pick<Budget, "left" | "startedAt" | "resetAt"> {
  const { limit, windowMs, startedAt, used = 0 } = rateLimit;
  if (limit === undefined || windowMs === undefined) {
    return { left: Number.POSITIVE_INFINITY, startedAt: undefined, resetAt: undefined };
  }
  const aligned = Math.floor(now.getTime() / windowMs) * windowMs;
  const known = startedAt?.getTime() ?? Number.NEGATIVE_INFINITY;
  const begin = startedAt && isFarAhead(startedAt, now) ? aligned : Math.max(aligned, known);
  return {
    left: begin > known ? limit : Math.max(limit - used, 0),
    startedAt: new Date(begin),
    resetAt: new Date(begin + windowMs),
  };
}

function isFarAhead(moment: Date, now: Date): boolean {
  return moment.getTime() > now.getTime() + clockToleranceMs;
}

/** Units that can be claimed. */
export function available({ remaining, left }: Budget): number {
  return Math.min(remaining, left);
}

/** Leases hold at most this part of what is left, so that they shrink before it runs out. */
const leasedShare = 10;
/** Below it a lease spares too little to be worth what it makes others wait for. */
const smallestLease = 8;

/**
 * How many units a process takes beyond those that it needs at once. Near the end none: then each is claimed when it
 * is needed, and nobody holds what another one asks for.
 */
export function spareUnits(key: MeteredKey, budget: Budget, needed: number, leaseSize: number): number {
  const share = Math.floor(available(budget) / leasedShare);
  if (share < smallestLease || key.leases.length >= limits.leases) return 0;
  return Math.max(Math.min(leaseSize, share) - needed, 0);
}

/** When a lease ends: units are of one interval and one window. */
export function leaseEnd({ refillAt, resetAt }: Budget, now: Date, leaseMs: number): Date {
  const ends = [now.getTime() + leaseMs, refillAt?.getTime(), resetAt?.getTime()];
  return new Date(Math.min(...ends.filter((end) => end !== undefined)));
}

/** The same moment, or neither. */
function same(left: Date | undefined, right: Date | undefined): boolean {
  return left?.getTime() === right?.getTime();
}

function isLater(left: Date | undefined, right: Date | undefined): boolean {
  return (left?.getTime() ?? 0) > (right?.getTime() ?? 0);
}

/** Units that go back, and the periods that they are of. */
export type Unspent = Periods & { units: number };

interface Claim {
  owner: string;
  /** Units in all. */
  units: number;
  /** Those of them that are not needed at once. */
  lease?: ApiKeyLease;
  /** The unspent part of the owner's former lease. */
  unspent?: Unspent;
}

/**
 * One command that claims units if they are there and gives back those of a former lease. Its filter names the periods
 * that the budget was computed from, so a refill and a new window happen once.
 */
export function claimCommand(key: MeteredKey, budget: Budget, claim: Claim, now: Date) {
  const { quota, rateLimit } = key;
  const { units, unspent } = claim;
  const refilled = !same(quota.refilledAt, budget.refilledAt);
  const rolled = !same(rateLimit.startedAt, budget.startedAt);
  const filter: Record<string, unknown> = { _id: key._id, userId: key.userId };
  const set: Record<string, unknown> = { leases: leasesWith(claim, now) };
  if (quota.remaining !== undefined) {
    filter["quota.refilledAt"] = quota.refilledAt ?? null;
    if (!refilled) filter["quota.remaining"] = { $gte: units };
    // Moved back, the interval keeps what was read, so nobody may have claimed since.
    else if (isLater(quota.refilledAt, budget.refilledAt)) filter["quota.remaining"] = quota.remaining;
    const back = unspent && !refilled && same(unspent.refilledAt, quota.refilledAt) ? unspent.units : 0;
    set["quota.remaining"] = refilled
      ? budget.remaining - units
      : { $add: ["$quota.remaining", back - units] };
    if (refilled) set["quota.refilledAt"] = budget.refilledAt;
  }
  if (rateLimit.limit !== undefined) {
    filter["rateLimit.startedAt"] = rateLimit.startedAt ?? null;
    if (!rolled) filter["rateLimit.used"] = { $lte: rateLimit.limit - units };
    else if (isLater(rateLimit.startedAt, budget.startedAt)) filter["rateLimit.used"] = rateLimit.used ?? 0;
    const back = unspent && !rolled && same(unspent.startedAt, rateLimit.startedAt) ? unspent.units : 0;
    set["rateLimit.used"] = rolled
      ? rateLimit.limit - budget.left + units
      : { $add: ["$rateLimit.used", units - back] };
    if (rolled) set["rateLimit.startedAt"] = budget.startedAt;
  }
  return { filter, update: [{ $set: set }] };
}

/** One command that gives units back, each meter only while it is in the period that they were taken from. */
export function returnCommand(key: MeteredKey, owner: string, unspent: Unspent, now: Date) {
  const { refilledAt, startedAt, units } = unspent;
  const back = (field: string, period: Date | undefined) => ({
    $cond: [{ $eq: [{ $ifNull: [field, null] }, period ?? null] }, units, 0],
  });
  const set: Record<string, unknown> = { leases: leasesWith({ owner, units: 0 }, now) };
  if (key.quota.remaining !== undefined) {
    set["quota.remaining"] = { $add: ["$quota.remaining", back("$quota.refilledAt", refilledAt)] };
  }
  if (key.rateLimit.limit !== undefined) {
    set["rateLimit.used"] = { $subtract: ["$rateLimit.used", back("$rateLimit.startedAt", startedAt)] };
  }
  return { filter: { _id: key._id, userId: key.userId }, update: [{ $set: set }] };
}

/** The owner's lease replaced, and those left out whose owners should have given them back long ago. */
function leasesWith({ owner, lease }: Claim, now: Date): Record<string, unknown> {
  const others = {
    $filter: {
      input: "$leases",
      as: "lease",
      cond: {
        $and: [
          { $ne: ["$$lease.owner", owner] },
          { $gt: ["$$lease.expiresAt", new Date(now.getTime() - forgetLeaseMs)] },
          { $lt: ["$$lease.expiresAt", new Date(now.getTime() + maxLeaseAheadMs)] },
        ],
      },
    },
  };
  return { $slice: [{ $concatArrays: [others, lease ? [lease] : []] }, -limits.leases] };
}

/** An entry of a process that has died makes others wait no longer; it is removed after this time. */
const forgetLeaseMs = 60_000;
/** No lease is so long; one that ends later is of a clock that was wrong. */
const maxLeaseAheadMs = duration.day;

/** The key as a claim left it, as far as nobody else changed it. */
export function afterClaim(key: MeteredKey, budget: Budget, claim: Claim): MeteredKey {
  const { units, owner, lease } = claim;
  const { limit } = key.rateLimit;
  const others = key.leases.filter((held) => held.owner !== owner);
  return {
    _id: key._id,
    userId: key.userId,
    quota: {
      ...key.quota,
      ...(key.quota.remaining !== undefined && { remaining: budget.remaining - units }),
      ...(budget.refilledAt && { refilledAt: budget.refilledAt }),
    },
    rateLimit: {
      ...key.rateLimit,
      ...(limit !== undefined && { used: limit - budget.left + units }),
      ...(budget.startedAt && { startedAt: budget.startedAt }),
    },
    leases: lease ? [...others, lease] : others,
  };
}
