import { clockToleranceMs, laterWithin } from "./clock.js";
import { duration } from "./limits.js";

/** Profiles and counters that nobody has touched for so long are forgotten. */
const forgottenAfterMs = 400 * duration.day;

/** When what was touched at a time is forgotten. */
export function forgottenAt(at: Date): Date {
  return new Date(at.getTime() + forgottenAfterMs);
}

/**
 * An aggregation expression for `purgeAt`: a profile is kept for so long from now, and longer where something else in it
 * asks for that; not as long as a clock that was wrong asked for.
 */
export function keptFor(lastsMs: number, now: Date): Record<string, unknown> {
  const at = new Date(now.getTime() + lastsMs);
  const most = Math.max(forgottenAt(now).getTime(), at.getTime()) + clockToleranceMs;
  return laterWithin("$purgeAt", at, new Date(most));
}
