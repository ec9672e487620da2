// Hours of the day in which a run may work.
import { z } from "zod";

const time = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, "must be a time such as 01:30");

/** Hours of the day in which a cleanup may work. From later than to: over midnight. */
export const cleanupWindowSchema = z
  .strictObject({
    from: time.describe("First minute in which it works"),
    to: time.describe("First minute in which it works no more"),
    timeZone: z
      .string()
      .refine(isTimeZone, "must be an IANA time zone")
      .default("UTC")
      .describe("IANA time zone of the two"),
  })
  .refine(({ from, to }) => from !== to, "from and to must differ");

/** A window as people write it. */
export type CleanupWindow = z.input<typeof cleanupWindowSchema>;
/** A window with its defaults. */
export type ParsedCleanupWindow = z.output<typeof cleanupWindowSchema>;

const minutesPerDay = 1_440;
const msPerMinute = 60_000;

/**
 * How long it is until the window is open; 0 within it. Across a change to or from summer time it may be an hour off,
 * and is right again when asked again. Pure.
 */
export function msUntilOpen(window: ParsedCleanupWindow, at: Date): number {
  const [from, to, now] = [minutesOf(window.from), minutesOf(window.to), minuteIn(window.timeZone, at)];
  const sinceFrom = (now - from + minutesPerDay) % minutesPerDay;
  const length = (to - from + minutesPerDay) % minutesPerDay;
  if (sinceFrom < length) return 0;
  return (minutesPerDay - sinceFrom) * msPerMinute - (at.getTime() % msPerMinute);
}

function minutesOf(text: string): number {
  const [hours = 0, minutes = 0] = text.split(":").map(Number);
  return hours * 60 + minutes;
}

function minuteIn(timeZone: string, at: Date): number {
  const format = { timeZone, hour: "2-digit", minute: "2-digit", hourCycle: "h23" } as const;
  return minutesOf(new Intl.DateTimeFormat("en-GB", format).format(at));
}

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }) !== undefined;
  } catch {
    return false;
  }
}
