import { duration } from "@org/db-models/core";
import { z } from "zod";
import { momentInput } from "../../http/answers/schemas.js";

const intervalMs = { hour: duration.hour, day: duration.day } as const;
const maxIntervals = 750;

/** Which part of the usage to read. */
export const usageQuery = z
  .strictObject({
    interval: z.enum({ hour: "hour", day: "day" }).default("day"),
    from: momentInput.optional().describe("Default: 30 intervals before `to`"),
    to: momentInput.optional().describe("Default: now"),
  })
  .refine(({ from, to }) => !from || !to || from < to, { path: ["from"], error: "must be before `to`" })
  .refine(
    ({ interval, from, to }) =>
      !from || !to || to.getTime() - from.getTime() <= maxIntervals * intervalMs[interval],
    { path: ["from"], error: `at most ${maxIntervals} intervals` },
  );

/** The period that a query asks for. */
export function periodOf(query: z.output<typeof usageQuery>, now: Date): { from: Date; to: Date } {
  const length = 30 * intervalMs[query.interval];
  if (query.from && !query.to) {
    const longest = query.from.getTime() + maxIntervals * intervalMs[query.interval];
    return { from: query.from, to: new Date(Math.min(now.getTime() + 1, longest)) };
  }
  // `to` is exclusive, and the interval that is under way belongs to the answer.
  const to = query.to ?? new Date(now.getTime() + 1);
  return { from: query.from ?? new Date(to.getTime() - length), to };
}

export const counts = { requests: z.number(), failures: z.number() };
/** Lists of the most used are of bounded length, so their counts are estimates with a bound. */
const error = z.number().describe("`requests` is never too low, and too high by at most this; 0 is exact");
export const endpoints = z.array(
  z.object({
    endpoint: z.string(),
    requests: z.number(),
    failures: z.number().describe("Never too high, and too low by at most `error`"),
    error,
  }),
);

/** API usage of a user. */
export const usage = z
  .object({
    totals: z.object(counts),
    window: z
      .object({ requests: z.number(), startedAt: z.date().optional(), resetAt: z.date().optional() })
      .describe("The current day, UTC"),
    limit: z.number().describe("Requests per window"),
    favouriteEndpoints: z
      .array(z.object({ endpoint: z.string(), requests: z.number(), error }))
      .describe("The most used of all time, the most used first"),
    intervals: z
      .array(
        z.object({
          startedAt: z.date(),
          ...counts,
          endpoints,
        }),
      )
      .describe("Those with requests, the newest first"),
  })
  .meta({ id: "Usage" });

const partOf = z.number().describe("Points of the score");

/** A user's logins and use. */
export const analytics = z
  .object({
    engagement: z.object({
      score: z.number().describe("0 to 100"),
      parts: z.object({ recency: partOf, frequency: partOf, volume: partOf, breadth: partOf }),
    }),
    logins: z.object({ total: z.number(), lastLoginAt: z.date().optional() }),
    devices: z.array(z.object({ label: z.string(), firstSeenAt: z.date(), lastSeenAt: z.date() })),
    countries: z.array(z.object({ code: z.string(), logins: z.number(), lastSeenAt: z.date() })),
    usage: z.object({
      ...counts,
      byDay: z.array(z.object({ startedAt: z.date(), ...counts })).describe("Days, UTC, the newest first"),
      byEndpoint: endpoints.describe("The most used first, summed over the days that list them"),
    }),
  })
  .meta({ id: "Analytics" });
