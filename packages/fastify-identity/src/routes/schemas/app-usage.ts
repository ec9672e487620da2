import { duration } from "@org/db-models/core";
import { z } from "zod";
import { clientIdInput, limitInput, momentInput, pageInput } from "../../http/answers/schemas.js";
import { counts, endpoints } from "./usage.js";

const maxDays = 750;

export const appUsageQuery = z
  .strictObject({
    from: momentInput.optional().describe("Default: 30 days before `to`"),
    to: momentInput.optional().describe("Default: now"),
  })
  .refine(({ from, to }) => !from || !to || from < to, { path: ["from"], error: "must be before `to`" });

/** The days up to now, that of now included. */
export function lastDays(days: number, now: Date): { from: Date; to: Date } {
  return { from: new Date(now.getTime() - days * duration.day), to: new Date(now.getTime() + 1) };
}

/** The period that a query asks for; at most so many days, the last of them. */
export function daysOf({ from, to }: z.output<typeof appUsageQuery>, now: Date): { from: Date; to: Date } {
  const end = to ?? new Date(now.getTime() + 1);
  const earliest = end.getTime() - maxDays * duration.day;
  const begin = from?.getTime() ?? end.getTime() - 30 * duration.day;
  return { from: new Date(Math.max(begin, earliest)), to: end };
}

/** What an app did. */
export const appUsage = z
  .object({
    days: z
      .array(z.object({ startedAt: z.date(), ...counts, endpoints }))
      .describe(
        "Days with requests, UTC, the newest first. Of the token endpoint each grant is listed apart: its requests without " +
          "its failures are tokens that were issued.",
      ),
  })
  .meta({ id: "AppUsage" });

export const ownAppsQuery = z.strictObject({
  limit: limitInput,
  before: pageInput.optional().describe("Only older apps: `next` of the page before, or a date"),
});
export const ownApps = z.object({
  apps: z.array(
    z.object({ clientId: z.string(), name: z.string(), status: z.string(), createdAt: z.date() }),
  ),
  next: z.string().nullable().describe("`before` of the next page; null at the end"),
});
export const appParams = z.strictObject({ clientId: clientIdInput });
