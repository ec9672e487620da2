import { z } from "zod";
import { printable } from "../input.js";
import { duration } from "../limits.js";
import type { CounterRules } from "./login-defence.js";

const lasts = (min: number, max: number, defaultMs: number, meaning: string) =>
  z.int().min(min).max(max).default(defaultMs).describe(`${meaning}, in milliseconds`);

/** What holds for second factors; every field has a default. */
export const factorPolicySchema = z
  .strictObject({
    issuer: printable(64)
      .refine((issuer) => !issuer.includes(":"), "must not contain a colon")
      .default("Identity")
      .describe("Name of the service, as authenticator apps show it"),
    reauthenticationMs: lasts(
      duration.minute,
      duration.hour,
      5 * duration.minute,
      "Factors are changed only by who proved so recently who they are",
    ),
    enrolmentMs: lasts(duration.minute, duration.hour, 10 * duration.minute, "Time to confirm a new factor"),
    windowSteps: z
      .int()
      .min(0)
      .max(2)
      .default(1)
      .describe("TOTP codes of so many steps of 30 seconds before and after pass too"),
    free: z.int().min(1).max(20).default(5).describe("Wrong codes that delay nobody"),
    forgetMs: lasts(
      duration.minute,
      30 * duration.day,
      duration.hour,
      "Time in which one wrong code is forgotten",
    ),
    firstDelayMs: lasts(
      duration.second,
      duration.hour,
      15 * duration.second,
      "Delay once the free ones are used up; it doubles",
    ),
    maxDelayMs: lasts(duration.second, duration.day, duration.hour, "Longest delay"),
  })
  .refine(({ firstDelayMs, maxDelayMs }) => maxDelayMs >= firstDelayMs, {
    message: "must be at least firstDelayMs",
    path: ["maxDelayMs"],
  });

/** As a service configures it. */
export type FactorPolicyInput = z.input<typeof factorPolicySchema>;
export type FactorPolicy = z.output<typeof factorPolicySchema>;

/** How wrong codes of one account are counted. */
export function factorRules({ free, forgetMs, firstDelayMs, maxDelayMs }: FactorPolicy): CounterRules {
  const cap = free + Math.ceil(Math.log2(maxDelayMs / firstDelayMs));
  return { free, challengeAfter: cap, forgetMs, firstDelayMs, maxDelayMs, cap };
}
