import { z } from "zod";
import { printable } from "../input.js";

/** What is asked of new passwords, besides their length; every field has a default. */
export const passwordPolicySchema = z.strictObject({
  words: z
    .array(printable(64))
    .max(1_000)
    .default([])
    .describe(
      "Words that are no password here, such as names of the company, its products and projects; the account's names, and `factors.issuer`, always count",
    ),
  breachedTimeoutMs: z
    .int()
    .min(10)
    .max(30_000)
    .default(2_000)
    .describe("Time for `isBreached` to answer, in milliseconds; after it the password is accepted"),
});

/** As a service configures it. */
export type PasswordPolicyInput = z.input<typeof passwordPolicySchema>;
export type PasswordPolicy = z.output<typeof passwordPolicySchema>;
