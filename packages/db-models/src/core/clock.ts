import { duration } from "./limits.js";

/**
 * How far clocks of processes may differ. What is dated further ahead than this was dated by a clock that was wrong: it
 * moves nothing that would then have to wait for that date.
 */
export const clockToleranceMs = 10 * duration.minute;

/** A date further ahead than this does not count as the present on reads either. */
export const wrongClockMs = 7 * duration.day;

/**
 * Whether something that ends at a moment is over; what has a text or nothing for that moment is. By numbers: `<=` calls
 * `valueOf` of both dates, and takes ten times as long.
 */
export function isOver(end: Date, now: Date): boolean {
  return !(end instanceof Date && end.getTime() > now.getTime());
}

/**
 * An aggregation expression: the later of a stored moment and this one, and this one where the stored moment lies ahead
 * by more than {@link clockToleranceMs}. So one wrong reading does not stick.
 *
 * @param field - of the stored moment, such as `$lastActiveAt`.
 */
export function latest(field: string, now: Date): Record<string, unknown> {
  return laterWithin(field, now, new Date(now.getTime() + clockToleranceMs));
}

/** An aggregation expression: the later of a stored moment and this one, and this one where the stored is beyond `most`. */
export function laterWithin(field: string, at: Date, most: Date): Record<string, unknown> {
  return { $cond: [{ $gt: [field, most] }, at, { $max: [field, at] }] };
}

/** Where the time comes from. */
export interface Clock {
  now(): Date;
}

export const systemClock: Clock = { now: () => new Date() };
