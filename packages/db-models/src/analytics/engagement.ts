import { wrongClockMs } from "../core/clock.js";
import { duration } from "../core/limits.js";

/** Days that the engagement score looks at, the current one included. */
export const engagementDays = 28;

/** Maximum of each part of the score, in points; 100 together. */
export const engagementWeights = { recency: 35, frequency: 35, volume: 20, breadth: 10 } as const;

/** Where a part is full: what a person does who works with the service on every working day. */
const full = { activeDays: 20, requests: 10_000, endpoints: 10 } as const;
const recencyHalfLifeMs = 7 * duration.day;

/** A user's activity in the last {@link engagementDays} days. */
export interface Activity {
  lastActiveAt: Date | undefined;
  /** Days with at least one request. */
  activeDays: number;
  requests: number;
  /** Different endpoints. */
  endpoints: number;
}

/** A score with its parts, in points; the score is their sum, rounded. */
export interface Engagement {
  /** 0 to 100. */
  score: number;
  parts: Record<keyof typeof engagementWeights, number>;
}

/**
 * How much a user makes of the service:
 *
 * - recency: `35 · 2^(−days since last active / 7)`
 * - frequency: `35 · min(1, active days / 20)`
 * - volume: `20 · min(1, log(1 + requests) / log(1 + 10,000))`
 * - breadth: `10 · min(1, endpoints / 10)`
 *
 * Somebody who has never been active has 0.
 */
export function engagementOf(activity: Activity, now: Date): Engagement {
  const parts = {
    recency: engagementWeights.recency * recency(activity.lastActiveAt, now),
    frequency: engagementWeights.frequency * Math.min(1, activity.activeDays / full.activeDays),
    volume: engagementWeights.volume * Math.min(1, Math.log1p(activity.requests) / Math.log1p(full.requests)),
    breadth: engagementWeights.breadth * Math.min(1, activity.endpoints / full.endpoints),
  };
  const sum = Object.values(parts).reduce((total, points) => total + points, 0);
  return { score: Math.round(sum), parts };
}

function recency(lastActiveAt: Date | undefined, now: Date): number {
  if (!lastActiveAt) return 0;
  // A clock behind the one that wrote the date makes it the present; ahead by more than a week, nobody knows when it was.
  const aheadMs = lastActiveAt.getTime() - now.getTime();
  if (aheadMs > wrongClockMs) return 0;
  const idleMs = Math.max(0, -aheadMs);
  return 2 ** (-idleMs / recencyHalfLifeMs);
}
