import { duration } from "@org/db-models/core";

/** What was counted in a day. */
export interface DayCount {
  readonly day: Date;
  readonly requests: number;
  readonly failures: number;
}

/** So many days up to that of now, UTC, the oldest first: those without requests too. */
export function everyDay(
  counted: ReadonlyArray<{ startedAt: Date; requests: number; failures: number }>,
  now: Date,
  days: number,
): DayCount[] {
  const byStart = new Map(counted.map((day) => [day.startedAt.getTime(), day]));
  const today = Math.floor(now.getTime() / duration.day) * duration.day;
  return Array.from({ length: days }, (_, at) => {
    const start = today - (days - 1 - at) * duration.day;
    const { requests = 0, failures = 0 } = byStart.get(start) ?? {};
    return { day: new Date(start), requests, failures };
  });
}
